package clock

// Point names a place between two steps at which a crash must leave the world consistent.
type Point string

// The points of DESIGN §3: every store commit and every outgoing request passes them.
const (
	BeforeCommit Point = "store.commit.before"
	AfterCommit  Point = "store.commit.after"
	BeforeSend   Point = "wire.send.before"
	AfterSend    Point = "wire.send.after" // the request left; no answer was read
	AfterAnswer  Point = "wire.answer.after"
)

// Hook is called at each crash point with a detail that tells equal points apart (an operation, a table).
// A nil Hook does nothing.
type Hook func(p Point, detail string)

// At passes the point.
func (h Hook) At(p Point, detail string) {
	if h != nil {
		h(p, detail)
	}
}
