package kb

import (
	"html"
	"strings"
)

const (
	lookedThrough = 20_000 // runes of an article that a snippet comes from
	snippetBefore = 60     // runes before the first word that was found
	snippetLength = 220
)

// snippet is the place of a text where the words are, as HTML: the text escaped,
// and a mark around each word that was looked for.
func snippet(text string, words []string) string {
	letters := []rune(text)
	letters = letters[:min(len(letters), lookedThrough)]
	first := 0
	for from, to := range runs(letters) {
		if found(string(letters[from:to]), words) {
			first = from
			break
		}
	}
	start := max(0, first-snippetBefore)
	for start > 0 && start < first && wordRune(letters[start-1]) {
		start++
	}
	end := min(len(letters), start+snippetLength)
	for end < len(letters) && end > start && wordRune(letters[end]) {
		end--
	}
	return marked(letters[start:end], words, start > 0, end < len([]rune(text)))
}

func marked(letters []rune, words []string, before, after bool) string {
	var b strings.Builder
	if before {
		b.WriteString("… ")
	}
	done := 0
	for from, to := range runs(letters) {
		word := string(letters[from:to])
		b.WriteString(html.EscapeString(string(letters[done:from])))
		if found(word, words) {
			b.WriteString("<mark>" + html.EscapeString(word) + "</mark>")
		} else {
			b.WriteString(html.EscapeString(word))
		}
		done = to
	}
	b.WriteString(html.EscapeString(strings.TrimRight(string(letters[done:]), " ")))
	if after {
		b.WriteString(" …")
	}
	return b.String()
}

// runs are the words in a text, by where they begin and end.
func runs(letters []rune) func(yield func(from, to int) bool) {
	return func(yield func(from, to int) bool) {
		from := -1
		for i, c := range letters {
			switch is := wordRune(c); {
			case is && from < 0:
				from = i
			case !is && from >= 0:
				if !yield(from, i) {
					return
				}
				from = -1
			}
		}
		if from >= 0 {
			yield(from, len(letters))
		}
	}
}

// found reports whether a word of a text is one of those looked for, the last of
// which may be unfinished.
func found(word string, words []string) bool {
	parts := wordsOf(word, maxWord)
	for _, part := range parts {
		for i, w := range words {
			if part == w || i == len(words)-1 && strings.HasPrefix(part, w) {
				return true
			}
		}
	}
	return false
}
