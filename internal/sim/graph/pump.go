package graph

import "seneschal/internal/sim/trouble"

// deltaGone tells whether POST /faults asked for delta links to be forgotten.
func (c *call) deltaGone() bool {
	_, gone := c.s.faults.Take(*c.note, trouble.DeltaGone)
	return gone
}
