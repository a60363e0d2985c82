package kb

import (
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

const maxSlug = 80

// slugOf makes an address of a name: letters and digits of any script stay, all
// else is a hyphen.
func slugOf(name string) string {
	var b strings.Builder
	n, gap := 0, false
	for _, c := range strings.ToLower(norm.NFC.String(name)) {
		if !wordRune(c) {
			gap = n > 0
			continue
		}
		if n >= maxSlug {
			break
		}
		if gap {
			b.WriteByte('-')
			n, gap = n+1, false
		}
		b.WriteRune(c)
		n++
	}
	if n == 0 {
		return "article"
	}
	return b.String()
}

func wordRune(c rune) bool { return unicode.IsLetter(c) || unicode.IsDigit(c) || unicode.IsMark(c) }

// numbered is the slug, with the first number behind it that is free.
func numbered(slug string, taken func(string) bool) string {
	tried := slug
	for n := 2; taken(tried); n++ {
		tried = slug + "-" + strconv.Itoa(n)
	}
	return tried
}
