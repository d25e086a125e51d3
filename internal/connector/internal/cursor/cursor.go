package cursor

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"

	"seneschal/internal/fault"
	"seneschal/internal/graph"
)

// place is what the text says.
type place struct {
	Question string          `json:"q"`
	Page     graph.PageToken `json:"p"`
}

// Write makes the text; it is empty where nothing follows.
func Write(next graph.PageToken, question ...any) string {
	if next == "" {
		return ""
	}
	text, _ := json.Marshal(place{digest(question), next}) // texts always encode
	return base64.RawURLEncoding.EncodeToString(text)
}

// Read gives the place of a text. question is all that the list depends on.
func Read(text string, question ...any) (graph.PageToken, error) {
	if text == "" {
		return "", nil
	}
	var p place
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(raw, &p)
	}
	switch {
	case err != nil || p.Page == "":
		return "", fault.BadField("cursor", "is not a cursor of this action")
	case p.Question != digest(question):
		return "", fault.BadField("cursor", "is of another question: repeat everything beside the cursor")
	}
	return p.Page, nil
}

func digest(question []any) string {
	text, _ := json.Marshal(question) // texts and numbers always encode
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}
