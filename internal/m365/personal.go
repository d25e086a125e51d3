package m365

import (
	"slices"
	"strings"
)

// workOnly are the parts of operations that only work and school accounts have: personal ones have no Teams, no SharePoint, no directory, no
// rooms, nobody's free and busy times, and no sensitivity labels (dynamics/AUTH-MATRIX §2, §4 and §9; place-list.md;
// driveitem-extractsensitivitylabels.md).
var workOnly = []string{"/teams", "/chats", "/presence", "/onlineMeetings", "/communications", "/teamwork", "/joinedTeams", "/sites", "getSchedule", "findMeetingTimes", "/organization", "/admin/", "/places", "extractSensitivityLabels"}

// WorkOnly says whether an operation has nothing to work on with a personal Microsoft account.
func WorkOnly(o OperationKey) bool {
	_, path, _ := strings.Cut(string(o), " ")
	for _, part := range workOnly {
		if strings.Contains(path, part) {
			return true
		}
	}
	return path == "/users"
}

// WorkOnlyCapability says whether a capability needs what only work and school accounts have.
func WorkOnlyCapability(c Capability) bool {
	info, _ := LookupCapability(c)
	return slices.ContainsFunc(info.Needs, func(n Need) bool { return WorkOnly(n.Operation) })
}
