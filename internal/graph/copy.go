package graph

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// ItemCopy says where an item shall be copied to, and under which name; its own without.
type ItemCopy struct {
	ParentReference ItemReference `json:"parentReference"`
	Name            string        `json:"name,omitempty"`
}

// CopyJob is how far a copy is.
type CopyJob struct {
	Status             string  `json:"status"` // notStarted, inProgress, waiting, completed, failed and others
	PercentageComplete float64 `json:"percentageComplete"`
	ResourceID         string  `json:"resourceId"` // of what was made, when it is completed
	Error              *struct {
		Code string `json:"code"`
	} `json:"error"`
}

// Ended says whether nothing more will come of it.
func (j CopyJob) Ended() bool {
	return j.Status == "completed" || j.Status == "failed" || j.Status == "deleteFailed"
}

// CopyItem has Microsoft copy an item into a place, which the fence judges, too, and gives the address at which the copy is watched. That is
// a secret of its own, on a host of SharePoint's: it needs no token (concepts/long-running-actions-overview.md).
func (c *Client) CopyItem(ctx context.Context, item, into Path, to ItemCopy, opts ...Option) (monitor string, err error) {
	if into.err != nil {
		return "", into.err
	}
	r, _, err := c.request(http.MethodPost, item.Sub("copy"), opts)
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(to)
	if err != nil {
		return "", unencodable(r.Operation, err)
	}
	r.Into = into.target
	c.setBody(&r, "application/json", body)
	answer, err := c.do(ctx, r)
	if err != nil {
		return "", err
	}
	return answer.Header.Get("Location"), nil
}

// CopyStanding asks how far a copy of an item is.
func (c *Client) CopyStanding(ctx context.Context, item Path, monitor string) (CopyJob, error) {
	var job CopyJob
	r, err := c.signed(item, http.MethodGet, monitor, "{monitorUrl}")
	if err != nil {
		return job, err
	}
	r.Decode = func(body []byte) error { return json.Unmarshal(body, &job) }
	answer, err := c.do(ctx, r)
	if err == nil {
		answer.Release()
	}
	return job, err
}

// The pauses between two looks at a copy.
const (
	firstPause   = time.Second
	longestPause = 15 * time.Second
)

// FollowCopy watches a copy until it has ended. told hears how many percent of it are done.
func (c *Client) FollowCopy(ctx context.Context, item Path, monitor string, told func(percent float64)) (CopyJob, error) {
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		job, err := c.CopyStanding(ctx, item, monitor)
		if err != nil || job.Ended() {
			return job, err
		}
		told(job.PercentageComplete)
		if err := c.wire.Clock.Sleep(ctx, pause); err != nil {
			return job, err
		}
	}
}
