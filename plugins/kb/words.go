package kb

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const (
	maxWord    = 40     // runes of a word that count
	maxWords   = 12     // words of a search
	maxIndexed = 60_000 // words of an article that are searched
)

// wordsOf cuts a text into the words that a search compares: lower case, letters
// and digits of any script, without accents. Scripts that put no space between
// words are cut into pairs. What comes out is in no database's query language.
func wordsOf(text string, most int) []string {
	var words []string
	for run := range strings.FieldsFuncSeq(fold(text), func(c rune) bool { return !wordRune(c) }) {
		for _, word := range pairs(run) {
			if len(words) == most {
				return words
			}
			words = append(words, word)
		}
	}
	return words
}

// fold makes texts alike that differ in case, accents and width only.
func fold(text string) string {
	bare := strings.Map(func(c rune) rune {
		if c >= 0x300 && c <= 0x36F { // the accents; signs of other scripts are letters to their readers
			return -1
		}
		return unicode.ToLower(c)
	}, norm.NFKD.String(text))
	return norm.NFC.String(bare)
}

// spaceless reports whether c is of a script that puts no space between words.
func spaceless(c rune) bool {
	return unicode.In(c, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// pairs are the words in a run of letters: itself, or pairs of neighbours.
func pairs(run string) []string {
	letters := []rune(run)
	if len(letters) > 2 && spaceless(letters[0]) {
		out := make([]string, 0, len(letters))
		for i := range len(letters) - 1 {
			out = append(out, string(letters[i:i+2]))
		}
		return out
	}
	if len(letters) > maxWord {
		run = string(letters[:maxWord])
	}
	return []string{run}
}

const gramSize = 3

// gramsOf are the thirds of words that are long enough to be misspelt.
func gramsOf(words []string) []string {
	var grams []string
	for _, w := range words {
		letters := []rune(w)
		for i := 0; len(letters) > gramSize && i+gramSize <= len(letters); i++ {
			grams = append(grams, string(letters[i:i+gramSize]))
		}
	}
	return grams
}

// near reports whether two words differ by so little that one is likely to be
// the other misspelt, and by how much.
func near(a, b string) (distance int, ok bool) {
	most := 1
	switch n := utf8.RuneCountInString(a); {
	case n <= gramSize:
		return 0, a == b
	case n >= 8:
		most = 2
	}
	distance = edits([]rune(a), []rune(b), most)
	return distance, distance <= most
}

// edits counts how many letters must be put in, left out, replaced or swapped
// with their neighbour; more than most is most+1.
func edits(a, b []rune, most int) int {
	if len(a)-len(b) > most || len(b)-len(a) > most {
		return most + 1
	}
	var older []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost(a[i-1], b[j-1]))
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], older[j-2]+1)
			}
		}
		older, row = row, next
	}
	return row[len(b)]
}

func cost(a, b rune) int {
	if a == b {
		return 0
	}
	return 1
}
