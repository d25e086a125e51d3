package once

import (
	"seneschal/internal/action"
	"seneschal/internal/fault"
)

// Again answers an unclear run by what came of running it once more.
func Again[Out any](out Out, err error) (Out, action.Answer, error) {
	var none Out
	switch kind := fault.KindOf(err); {
	case err == nil:
		return out, action.Happened, nil
	case kind == fault.Unavailable || kind == fault.Throttled || kind == fault.Unclear:
		return none, action.StillOpen, nil
	}
	return none, action.NotStarted, nil
}
