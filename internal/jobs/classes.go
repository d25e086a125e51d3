package jobs

import "seneschal/internal/custody"

// Classes say what jobs keep.
func Classes() []custody.Class {
	return []custody.Class{{Name: "jobs", Title: "Work to do", What: "Which row is due when, and its last error; ids alone", Whose: custody.NotAbout, Tables: []string{"jobs_row", "jobs_lock"}, Seen: "whoever gets a support bundle",
		Ends: "with the work", Export: custody.NotIn, Erase: custody.Untouched}}
}
