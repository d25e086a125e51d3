package store

import (
	"crypto/rand"
	"encoding/binary"
	"strings"
	"time"
)

const idAlphabet = "0123456789abcdefghjkmnpqrstvwxyz" // Crockford's base 32: no letters that read like digits

// NewID makes an identifier of 26 letters and digits that sorts by time: 48 bits of milliseconds, 80 bits of randomness (a lower-case ULID).
func NewID(now time.Time) string {
	var b [16]byte
	ms := uint64(now.UnixMilli())
	binary.BigEndian.PutUint64(b[:8], ms<<16)
	_, _ = rand.Read(b[6:]) // never fails (crypto/rand)
	var out [26]byte
	hi, lo := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	for i := 25; i >= 0; i-- {
		out[i] = idAlphabet[lo&31]
		lo = lo>>5 | hi<<59
		hi >>= 5
	}
	return string(out[:])
}

// IsID reports whether a text could be an identifier made here.
func IsID(s string) bool {
	return len(s) == 26 && strings.Trim(s, idAlphabet) == ""
}

// NewIDAfter makes an identifier that sorts after last, for whoever makes several in one millisecond and needs them in their order.
func NewIDAfter(last string, now time.Time) string {
	id := NewID(now)
	if id > last {
		return id
	}
	next := []byte(last)
	for i := len(next) - 1; i >= 0; i-- {
		if at := strings.IndexByte(idAlphabet, next[i]); at < len(idAlphabet)-1 {
			next[i] = idAlphabet[at+1]
			break
		}
		next[i] = idAlphabet[0]
	}
	return string(next)
}
