package demo

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"path"
	"time"
)

// fileFor is what somebody attaches under a name at a time, in the format that
// the name promises.
func fileFor(name string, at time.Time) ([]byte, error) {
	var out bytes.Buffer
	switch path.Ext(name) {
	case ".csv":
		fmt.Fprintln(&out, "date,person,project,hours,note")
		for day := range 20 {
			fmt.Fprintf(&out, "%s,J. Doe,P-%d,%d.5,\n", at.AddDate(0, 0, day-20).Format(time.DateOnly), 100+day%7, 1+day%7)
		}
	case ".log":
		for n := range 12 {
			fmt.Fprintf(&out, "%s POST /hooks/ledgerlark 401 signature header is missing\n", at.Add(time.Duration(n-12)*time.Minute).Format(time.RFC3339))
		}
	case ".png":
		return screenshot(at)
	default:
		return nil, fmt.Errorf("no content for a file %q", name)
	}
	return out.Bytes(), nil
}

// screenshot is a window with some rows in it.
func screenshot(at time.Time) ([]byte, error) {
	shot := image.NewRGBA(image.Rect(0, 0, 480, 320))
	fill := func(x, y, w, h int, c color.Color) {
		draw.Draw(shot, image.Rect(x, y, x+w, y+h), image.NewUniform(c), image.Point{}, draw.Src)
	}
	fill(0, 0, 480, 320, color.White)
	fill(0, 0, 480, 28, color.RGBA{0x2f, 0x6f, 0xde, 0xff})
	for row := range 8 {
		fill(24, 52+row*30, 140, 10, color.Gray{0x55})
		fill(300, 52+row*30, 40+at.Minute()*(row+1)%110, 10, color.Gray{0xbb})
	}
	var out bytes.Buffer
	err := png.Encode(&out, shot)
	return out.Bytes(), err
}
