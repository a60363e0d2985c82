package classify

import (
	"slices"
	"strings"
	"unicode"
)

// wordsOf are the words of a text, in lower case.
func wordsOf(text string) map[string]bool {
	words := map[string]bool{}
	for _, w := range strings.FieldsFunc(strings.ToLower(text), func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) }) {
		words[w] = true
	}
	return words
}

// tagsFor are the tags that the words bring.
func tagsFor(s Settings, words map[string]bool) (tags []string) {
	for _, rule := range s.Tags {
		if word, tag, ok := strings.Cut(rule, "="); ok && words[word] && !slices.Contains(tags, tag) {
			tags = append(tags, tag)
		}
	}
	return tags
}

// found are the words that mean something, in the order of the settings.
func found(s Settings, words map[string]bool) (out []string) {
	for _, w := range s.Urgent {
		if words[w] {
			out = append(out, w)
		}
	}
	for _, rule := range s.Tags {
		if word, _, ok := strings.Cut(rule, "="); ok && words[word] {
			out = append(out, word)
		}
	}
	return out
}
