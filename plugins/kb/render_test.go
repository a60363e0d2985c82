package kb //nolint:testpackage // rendering is no part of what the package offers, and is where it would be attacked

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestMarkdownBecomesSafeHTML(t *testing.T) {
	t.Parallel()
	for markdown, want := range map[string]string{
		"# Title\n\n* one\n* **two**":         "<h1>Title</h1>\n<ul>\n<li>one</li>\n<li><strong>two</strong></li>\n</ul>\n",
		"|a|b|\n|-|-|\n|1|2|":                 "<table>\n<thead>\n<tr>\n<th>a</th>\n<th>b</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>1</td>\n<td>2</td>\n</tr>\n</tbody>\n</table>\n",
		"[us](https://a.example/?b=1&c)":      `<p><a href="https://a.example/?b=1&amp;c" rel="nofollow noopener" target="_blank">us</a></p>` + "\n",
		"```go\nx < y\n```":                   "<pre><code class=\"language-go\">x &lt; y\n</code></pre>\n",
		"press <Enter>":                       "<p>press &lt;Enter&gt;</p>\n",
		"<div>do this</div>\n\nThen that.":    "<p>&lt;div&gt;do this&lt;/div&gt;\n</p>\n<p>Then that.</p>\n",
		"![pixel](https://spy.example/p.gif)": "<p></p>\n",
	} {
		if got, _, err := newRenderer().of(markdown); err != nil || got != want {
			t.Errorf("%q becomes %q, %v, want %q", markdown, got, err, want)
		}
	}
}

var dangerous = regexp.MustCompile(`(?i)<script|<img|<svg|<iframe|<style|<[^>]*\son\w+=|href="\s*(javascript|data|vbscript)|<[^>]*style=`)

func TestHostileMarkdownIsHarmless(t *testing.T) {
	t.Parallel()
	for _, markdown := range hostile() {
		got, _, err := newRenderer().of(markdown)
		if err != nil || dangerous.MatchString(got) {
			t.Errorf("%.80q becomes %.200q, %v", markdown, got, err)
		}
	}
}

func hostile() []string {
	return []string{
		"<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>", "<a href=\"javascript:alert(1)\">x</a>",
		"[x](javascript:alert(1))", "[x](JaVaScRiPt:alert(1))", "[x](java\nscript:alert(1))", "[x](&#106;avascript:alert(1))", "[x](\tjavascript:alert(1))",
		"[x](data:text/html;base64,PHNjcmlwdD4=)", "[x](vbscript:msgbox)", "[x](<javascript:alert(1)>)", "<javascript:alert(1)>",
		"[x](https://a.example \"' onmouseover='alert(1)\")", "[x](https://a.example/\" onmouseover=\"alert(1))", "![x](javascript:alert(1))",
		"![\" onerror=\"alert(1)](https://a.example/x.png)", "```\" onload=\"alert(1)\nx\n```", "[a]: javascript:alert(1)\n\n[a]",
		"<scr<script>ipt>alert(1)</script>", "<!--><img src=x onerror=alert(1)>-->", "<style>*{background:url(javascript:alert(1))}</style>",
		"<iframe srcdoc='<script>alert(1)</script>'>", "<p style=\"position:fixed\">x</p>", "<math><mtext></mtext><script>alert(1)</script></math>",
	}
}

func TestMarkdownThatCostsTooMuchIsRefused(t *testing.T) {
	t.Parallel()
	row := strings.Repeat("|a", 100) + "\n"
	for name, markdown := range map[string]string{
		"a table of many cells": row + strings.Repeat("|-", 100) + "\n" + strings.Repeat("|\n", 400),
		"emphasis in emphasis":  strings.Repeat("*a_ ", 2001), "many brackets": strings.Repeat("[", 201), "many lines": strings.Repeat("a\n", 10_001),
	} {
		if tooDeep(markdown) == "" {
			t.Errorf("%s is let through", name)
		}
	}
	for name, markdown := range map[string]string{
		"a table":           row + strings.Repeat("|-", 100) + "\n" + strings.Repeat(row, 90),
		"a long article":    strings.Repeat("*Some* [words](https://a.example) about _something_.\n\n", 2500),
		"a list of 50 deep": strings.Repeat("- ", 50) + "a",
	} {
		if why := tooDeep(markdown); why != "" {
			t.Errorf("%s is refused: %s", name, why)
		}
	}
}

func TestEndlessMarkdownIsRefusedOrEnds(t *testing.T) {
	t.Parallel()
	for name, markdown := range map[string]string{
		"quotes": strings.Repeat(">", maxBody), "spaced quotes": strings.Repeat("> ", maxBody/2), "lists": strings.Repeat("- ", maxBody/2),
		"numbers": strings.Repeat("1. ", maxBody/3), "brackets": strings.Repeat("[", maxBody), "images": strings.Repeat("![", maxBody/2),
		"stars": strings.Repeat("*a **a ", maxBody/7), "links": strings.Repeat("[a](", maxBody/4), "ticks": strings.Repeat("`a", maxBody/2),
		"closed links": strings.Repeat("[", maxBody/2) + strings.Repeat("]", maxBody/2), "angles": strings.Repeat("<", maxBody),
		"tables": "|a|\n|-|\n" + strings.Repeat("|", maxBody-10), "addresses": strings.Repeat("www.a", maxBody/5), "ends": strings.Repeat("a]", maxBody/2),
		"tags": strings.Repeat("<b>", maxBody/3), "comments": strings.Repeat("<!--", maxBody/4), "many brackets": strings.Repeat(strings.Repeat("[a](", 999)+"\n\n", 50),
		"many quotes": strings.Repeat(strings.Repeat("> ", 50)+"a\n", 1900), "many lists": strings.Repeat(strings.Repeat("- ", 50)+"a\n", 1900),
		"rows":     strings.Repeat("|a", 300) + "\n" + strings.Repeat("|-", 300) + "\n" + strings.Repeat("|\n", 60_000),
		"emphasis": strings.Repeat("*a_ ", maxBody/4), "items": strings.Repeat("- a\n", maxBody/4), "inner stars": strings.Repeat("a**b", maxBody/4),
		"entities": strings.Repeat("&", maxBody), "tildes": strings.Repeat("~~a", maxBody/3),
	} {
		began := time.Now()
		if tooDeep(markdown) != "" {
			continue
		}
		if _, _, err := newRenderer().of(markdown); err != nil || time.Since(began) > 15*time.Second {
			t.Errorf("%s: %v, %v", name, time.Since(began), err)
		}
	}
}
