package fill

import "strings"

// random is splitmix64: small, fast, and the same everywhere.
type random uint64

func (r *random) next() uint64 {
	*r += 0x9E3779B97F4A7C15
	z := uint64(*r)
	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
	z = (z ^ (z >> 27)) * 0x94D049BB133111EB
	return z ^ (z >> 31)
}

// n is a number from 0 to below n.
func (r *random) n(n int) int { return int(r.next() % uint64(n)) }

// skewed is n with the small numbers far more often: a few departments, tags
// and words have most of everything.
func (r *random) skewed(n int) int {
	f := float64(r.next()>>11) / (1 << 53)
	return int(f * f * f * float64(n))
}

func hash(kind, i int) uint64 {
	r := random(uint64(kind)*0x9E3779B97F4A7C15 ^ uint64(i))
	return r.next()
}

var syllables = []string{
	"ba", "ce", "di", "fo", "gu", "ha", "ki", "lo", "mu", "na", "pe", "ri", "so", "tu", "ve", "wa", "xi", "yo", "za",
	"qua", "tri", "ster", "ment", "con", "re",
}

// vocabulary is how many words there are.
const vocabulary = 20_000

// Word is the i-th commonest word.
func Word(i int) string {
	var word strings.Builder
	word.WriteString(syllables[i%len(syllables)])
	for i /= len(syllables); i > 0; i /= len(syllables) {
		word.WriteString(syllables[i%len(syllables)])
	}
	return word.String()
}

// text is about n bytes of words.
func (r *random) text(n int) string {
	var b strings.Builder
	for b.Len() < n {
		b.WriteString(Word(r.skewed(vocabulary)))
		b.WriteByte(' ')
	}
	return b.String()[:b.Len()-1]
}
