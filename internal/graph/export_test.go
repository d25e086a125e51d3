package graph

import (
	"encoding/json"

	"seneschal/internal/m365"
)

// Doors for the fuzz targets to what reads strangers' bytes.

var Decode = decoder(m365.Application, false)

func DecodeBatch(body []byte) error {
	_, err := decodeBatch(body)
	return err
}

func DecodeDelta(body []byte) (Page[Message], error) {
	var raw page[json.RawMessage]
	if err := json.Unmarshal(body, &raw); err != nil {
		return Page[Message]{}, err
	}
	return sortOut[Message](raw, nil)
}
