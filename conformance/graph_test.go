package conformance

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/authentication"
	khttp "github.com/microsoft/kiota-http-go"
	msgraph "github.com/microsoftgraph/msgraph-sdk-go"
	core "github.com/microsoftgraph/msgraph-sdk-go-core"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/models/odataerrors"
	"github.com/microsoftgraph/msgraph-sdk-go/users"
)

// tokenSource gives the SDK its access tokens.
type tokenSource func(context.Context) (string, error)

// GetAuthorizationToken is the SDK's question.
func (s tokenSource) GetAuthorizationToken(ctx context.Context, _ *url.URL, _ map[string]any) (string, error) {
	return s(ctx)
}

// GetAllowedHostsValidator would keep tokens from foreign hosts; here only one host is known.
func (s tokenSource) GetAllowedHostsValidator() *authentication.AllowedHostsValidator { return nil }

func fixed(token string) tokenSource {
	return func(context.Context) (string, error) { return token, nil }
}

// applicationTokens signs an app of contoso in by its secret, as often as MSAL thinks it needs to.
func applicationTokens(t *testing.T, name string) tokenSource {
	t.Helper()
	contoso := cloud.tenant(t, "contoso")
	a := contoso.app(t, name)
	client := confidentialClient(t, contoso, a, secretOf(t, a))
	return func(ctx context.Context) (string, error) {
		got, err := client.AcquireTokenByCredential(ctx, appScopes) // from MSAL's cache while it lasts
		return got.AccessToken, err
	}
}

// graphClient is Microsoft's client with Microsoft's own middleware; ours are only the trusted certificate authority and the address.
func graphClient(t *testing.T, tokens tokenSource) *msgraph.GraphServiceClient {
	t.Helper()
	options := msgraph.GetDefaultClientOptions()
	client := khttp.GetDefaultClient()
	client.Transport = khttp.NewCustomTransportWithParentTransport(cloud.transport, core.GetDefaultMiddlewaresWithOptions(&options)...)
	adapter, err := msgraph.NewGraphRequestAdapterWithParseNodeFactoryAndSerializationWriterFactoryAndHttpClient(
		authentication.NewBaseBearerTokenAuthenticationProvider(tokens), nil, nil, client)
	if err != nil {
		t.Fatal(err)
	}
	adapter.SetBaseUrl(cloud.GraphURL + "/v1.0")
	return msgraph.NewGraphServiceClient(adapter)
}

// explain adds what an ODataError hides behind its Error.
func explain(err error) error {
	var o *odataerrors.ODataError
	if errors.As(err, &o) && o.GetErrorEscaped() != nil {
		return fmt.Errorf("%d %s: %w", o.ResponseStatusCode, deref(o.GetErrorEscaped().GetCode()), err)
	}
	return err
}

func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

func ptr[T any](v T) *T { return &v }

func TestUsersComeInPages(t *testing.T) {
	client := graphClient(t, applicationTokens(t, "Seneschal"))
	first, err := client.Users().Get(t.Context(), &users.UsersRequestBuilderGetRequestConfiguration{QueryParameters: &users.UsersRequestBuilderGetQueryParameters{
		Select: []string{"id", "displayName", "userPrincipalName"}, Top: ptr(int32(3)),
	}})
	if err != nil {
		t.Fatal(explain(err))
	}
	if len(first.GetValue()) != 3 || first.GetOdataNextLink() == nil {
		t.Fatalf("the first page has %d users and the link %q", len(first.GetValue()), deref(first.GetOdataNextLink()))
	}
	pages, err := core.NewPageIterator[models.Userable](first, client.GetAdapter(), models.CreateUserCollectionResponseFromDiscriminatorValue)
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	if err := pages.Iterate(t.Context(), func(u models.Userable) bool {
		got = append(got, deref(u.GetUserPrincipalName())+" "+deref(u.GetDisplayName()))
		return true
	}); err != nil {
		t.Fatal(explain(err))
	}
	for _, u := range cloud.tenant(t, "contoso").Users {
		want = append(want, u.UPN+" "+u.Name)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestMessagesAreListed(t *testing.T) {
	client := graphClient(t, applicationTokens(t, "Seneschal"))
	since := time.Now().AddDate(0, -1, 0).UTC().Format(time.RFC3339)
	got, err := client.Users().ByUserId("dmitri@contoso.example").MailFolders().ByMailFolderId("inbox").Messages().Get(t.Context(),
		&users.ItemMailFoldersItemMessagesRequestBuilderGetRequestConfiguration{QueryParameters: &users.ItemMailFoldersItemMessagesRequestBuilderGetQueryParameters{
			Select: []string{"subject", "from", "receivedDateTime", "bodyPreview"}, Top: ptr(int32(50)), Count: ptr(true),
			Filter: ptr("receivedDateTime ge " + since), Orderby: []string{"receivedDateTime desc"},
		}})
	if err != nil {
		t.Fatal(explain(err))
	}
	messages := got.GetValue()
	if len(messages) < 2 || int(deref(got.GetOdataCount())) != len(messages) {
		t.Fatalf("%d messages, counted %d", len(messages), deref(got.GetOdataCount()))
	}
	for i, m := range messages {
		if deref(m.GetSubject()) == "" || deref(m.GetBodyPreview()) == "" || m.GetFrom() == nil || deref(m.GetFrom().GetEmailAddress().GetAddress()) == "" {
			t.Errorf("message %d lacks a subject, a preview or a sender", i)
		}
		if m.GetBody() != nil {
			t.Errorf("message %d has a body that was not selected", i)
		}
		if i > 0 && m.GetReceivedDateTime().After(*messages[i-1].GetReceivedDateTime()) {
			t.Errorf("message %d is newer than the one before it", i)
		}
	}
}

func TestDeltaTellsWhatChanged(t *testing.T) {
	const mailbox = "emma@contoso.example"
	client := graphClient(t, applicationTokens(t, "Seneschal"))
	inbox := client.Users().ByUserId(mailbox).MailFolders().ByMailFolderId("inbox").Messages()

	// changes follows a round to its end and gives the link of the next one.
	changes := func(page users.ItemMailFoldersItemMessagesDeltaGetResponseable, err error) ([]models.Messageable, string) {
		t.Helper()
		var out []models.Messageable
		for {
			if err != nil {
				t.Fatal(explain(err))
			}
			out = append(out, page.GetValue()...)
			if link := page.GetOdataDeltaLink(); link != nil {
				return out, *link
			}
			page, err = inbox.Delta().WithUrl(deref(page.GetOdataNextLink())).GetAsDeltaGetResponse(t.Context(), nil)
		}
	}
	next := func(link string) ([]models.Messageable, string) {
		t.Helper()
		return changes(inbox.Delta().WithUrl(link).GetAsDeltaGetResponse(t.Context(), nil))
	}

	headers := abstractions.NewRequestHeaders()
	headers.Add("Prefer", "odata.maxpagesize=2")
	all, link := changes(inbox.Delta().GetAsDeltaGetResponse(t.Context(), &users.ItemMailFoldersItemMessagesDeltaRequestBuilderGetRequestConfiguration{
		Headers: headers, QueryParameters: &users.ItemMailFoldersItemMessagesDeltaRequestBuilderGetQueryParameters{Select: []string{"subject", "isRead"}},
	}))
	if len(all) < 3 {
		t.Fatalf("the first round has %d messages, want more than a page of two", len(all))
	}
	quiet, link := next(link)
	if len(quiet) != 0 {
		t.Fatalf("%d changes although nothing happened", len(quiet))
	}

	cloud.deliver(t, mailbox, "Scanner in the hall")
	arrived, link := next(link)
	if len(arrived) != 1 || deref(arrived[0].GetSubject()) != "Scanner in the hall" || deref(arrived[0].GetIsRead()) {
		t.Fatalf("after one arrival: %d changes", len(arrived))
	}
	id := *arrived[0].GetId()

	read := models.NewMessage()
	read.SetIsRead(ptr(true))
	if _, err := client.Users().ByUserId(mailbox).Messages().ByMessageId(id).Patch(t.Context(), read, nil); err != nil {
		t.Fatal(explain(err))
	}
	updated, link := next(link)
	if len(updated) != 1 || *updated[0].GetId() != id || !deref(updated[0].GetIsRead()) {
		t.Fatalf("after reading it: %d changes", len(updated))
	}

	if err := client.Users().ByUserId(mailbox).Messages().ByMessageId(id).Delete(t.Context(), nil); err != nil {
		t.Fatal(explain(err))
	}
	removed, _ := next(link)
	if len(removed) != 1 || *removed[0].GetId() != id || removed[0].GetAdditionalData()["@removed"] == nil {
		t.Fatalf("after deleting it: %d changes", len(removed))
	}
}

func TestBatchAnswersEachPart(t *testing.T) {
	client := graphClient(t, applicationTokens(t, "Seneschal"))
	batch := core.NewBatchRequest(client.GetAdapter())
	add := func(info *abstractions.RequestInformation, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		item, err := batch.AddBatchRequestStep(*info)
		if err != nil {
			t.Fatal(err)
		}
		return *item.GetId()
	}
	draft := models.NewMessage()
	draft.SetSubject(ptr("Written in a batch"))
	ada := client.Users().ByUserId("ada@contoso.example")
	person := add(ada.ToGetRequestInformation(t.Context(), nil))
	written := add(ada.Messages().ToPostRequestInformation(t.Context(), draft, nil))
	missing := add(client.Users().ByUserId("nobody@contoso.example").ToGetRequestInformation(t.Context(), nil))

	answers, err := batch.Send(t.Context(), client.GetAdapter())
	if err != nil {
		t.Fatal(explain(err))
	}
	u, err := core.GetBatchResponseById[models.Userable](answers, person, models.CreateUserFromDiscriminatorValue)
	if err != nil || deref(u.GetUserPrincipalName()) != "ada@contoso.example" {
		t.Errorf("the person: %v", explain(err))
	}
	m, err := core.GetBatchResponseById[models.Messageable](answers, written, models.CreateMessageFromDiscriminatorValue)
	if err != nil || deref(m.GetSubject()) != "Written in a batch" || !deref(m.GetIsDraft()) {
		t.Errorf("the draft: %v", explain(err))
	}
	_, err = core.GetBatchResponseById[models.Userable](answers, missing, models.CreateUserFromDiscriminatorValue)
	if got := deref(answers.GetResponseById(missing).GetStatus()); got != http.StatusNotFound || err == nil {
		t.Errorf("nobody: %d, %v", got, err)
	}
}

func recipient(address string) models.Recipientable {
	e := models.NewEmailAddress()
	e.SetAddress(&address)
	r := models.NewRecipient()
	r.SetEmailAddress(e)
	return r
}

func TestDraftIsSent(t *testing.T) {
	const subject = "Visit on Thursday"
	client := graphClient(t, applicationTokens(t, "Seneschal"))
	from, to := client.Users().ByUserId("ben@contoso.example"), client.Users().ByUserId("dispatch@contoso.example")
	in := func(box *users.UserItemRequestBuilder, folder string) []models.Messageable {
		t.Helper()
		got, err := box.MailFolders().ByMailFolderId(folder).Messages().Get(t.Context(), &users.ItemMailFoldersItemMessagesRequestBuilderGetRequestConfiguration{
			QueryParameters: &users.ItemMailFoldersItemMessagesRequestBuilderGetQueryParameters{Filter: ptr("subject eq '" + subject + "'")},
		})
		if err != nil {
			t.Fatal(explain(err))
		}
		return got.GetValue()
	}
	body := models.NewItemBody()
	body.SetContentType(ptr(models.HTML_BODYTYPE))
	body.SetContent(ptr("<p>I will be with you at <b>nine</b>.</p>"))
	message := models.NewMessage()
	message.SetSubject(ptr(subject))
	message.SetBody(body)
	message.SetToRecipients([]models.Recipientable{recipient("dispatch@contoso.example")})
	draft, err := from.Messages().Post(t.Context(), message, nil)
	if err != nil {
		t.Fatal(explain(err))
	}
	if !deref(draft.GetIsDraft()) || len(in(from, "drafts")) != 1 {
		t.Fatal("the draft is not among the drafts")
	}
	if err := from.Messages().ByMessageId(*draft.GetId()).Send().Post(t.Context(), nil); err != nil {
		t.Fatal(explain(err))
	}
	cloud.advance(t, "5s") // accepted is not sent: Sent Items shows it a little later
	sent, received := in(from, "sentitems"), in(to, "inbox")
	if len(in(from, "drafts")) != 0 || len(sent) != 1 || len(received) != 1 {
		t.Fatalf("%d in Sent Items and %d in the recipient's inbox, want one each and no draft", len(sent), len(received))
	}
	if deref(sent[0].GetInternetMessageId()) == "" || *sent[0].GetInternetMessageId() != deref(received[0].GetInternetMessageId()) {
		t.Error("the message sent is not the message received")
	}
}

func TestEventIsCreatedAndReadBack(t *testing.T) {
	const zone = "W. Europe Standard Time"
	client := graphClient(t, applicationTokens(t, "Seneschal"))
	calendar := client.Users().ByUserId("chloe@contoso.example")
	day := time.Now().AddDate(0, 0, 40).Format(time.DateOnly)
	at := func(clock string) models.DateTimeTimeZoneable {
		d := models.NewDateTimeTimeZone()
		d.SetDateTime(ptr(day + "T" + clock))
		d.SetTimeZone(ptr(zone))
		return d
	}
	guest := models.NewAttendee()
	guest.SetEmailAddress(recipient("nora@northwind.example").GetEmailAddress())
	guest.SetTypeEscaped(ptr(models.REQUIRED_ATTENDEETYPE))
	place := models.NewLocation()
	place.SetDisplayName(ptr("Server room"))
	event := models.NewEvent()
	event.SetSubject(ptr("Maintenance"))
	event.SetStart(at("09:00:00"))
	event.SetEnd(at("10:30:00"))
	event.SetLocation(place)
	event.SetAttendees([]models.Attendeeable{guest})
	event.SetTransactionId(ptr("conformance-maintenance"))
	created, err := calendar.Events().Post(t.Context(), event, nil)
	if err != nil {
		t.Fatal(explain(err))
	}
	again, err := calendar.Events().Post(t.Context(), event, nil)
	if err != nil || *again.GetId() != *created.GetId() {
		t.Errorf("the same transactionId made a second event: %v", explain(err))
	}

	headers := abstractions.NewRequestHeaders()
	headers.Add("Prefer", `outlook.timezone="`+zone+`"`)
	read, err := calendar.Events().ByEventId(*created.GetId()).Get(t.Context(), &users.ItemEventsEventItemRequestBuilderGetRequestConfiguration{Headers: headers})
	if err != nil {
		t.Fatal(explain(err))
	}
	if start := read.GetStart(); deref(start.GetTimeZone()) != zone || deref(start.GetDateTime()) != day+"T09:00:00.0000000" {
		t.Errorf("it starts at %s %s", deref(start.GetDateTime()), deref(start.GetTimeZone()))
	}
	if deref(read.GetSubject()) != "Maintenance" || deref(read.GetLocation().GetDisplayName()) != "Server room" || len(read.GetAttendees()) != 1 {
		t.Errorf("read back %q in %q with %d attendees", deref(read.GetSubject()), deref(read.GetLocation().GetDisplayName()), len(read.GetAttendees()))
	}
	view, err := calendar.CalendarView().Get(t.Context(), &users.ItemCalendarViewRequestBuilderGetRequestConfiguration{QueryParameters: &users.ItemCalendarViewRequestBuilderGetQueryParameters{
		StartDateTime: ptr(day + "T00:00:00Z"), EndDateTime: ptr(day + "T23:59:59Z"),
	}})
	if err != nil {
		t.Fatal(explain(err))
	}
	if !slices.ContainsFunc(view.GetValue(), func(e models.Eventable) bool { return *e.GetId() == *created.GetId() }) {
		t.Errorf("the day's view of %d events lacks it", len(view.GetValue()))
	}
}

func TestRefusalsAreRecognised(t *testing.T) {
	usersOf := func(c *msgraph.GraphServiceClient) error {
		_, err := c.Users().Get(t.Context(), nil)
		return err
	}
	mailOf := func(upn string) func(*msgraph.GraphServiceClient) error {
		return func(c *msgraph.GraphServiceClient) error {
			_, err := c.Users().ByUserId(upn).Messages().Get(t.Context(), nil)
			return err
		}
	}
	for _, c := range []struct {
		situation string
		tokens    tokenSource
		call      func(*msgraph.GraphServiceClient) error
		status    int
		code      string
	}{
		{"a token that is none", fixed("not-a-token"), usersOf, http.StatusUnauthorized, "InvalidAuthenticationToken"},
		{"a directory without the role", applicationTokens(t, "Nothing granted"), usersOf, http.StatusForbidden, "Authorization_RequestDenied"},
		{"a mailbox without the role", applicationTokens(t, "Nothing granted"), mailOf("ada@contoso.example"), http.StatusForbidden, "ErrorAccessDenied"},
		{"a person without a mailbox", applicationTokens(t, "Seneschal"), mailOf("intern@contoso.example"), http.StatusNotFound, "MailboxNotEnabledForRESTAPI"},
	} {
		t.Run(c.situation, func(t *testing.T) { wantRefusal(t, c.call(graphClient(t, c.tokens)), c.status, c.code) })
	}
}

func wantRefusal(t *testing.T, err error, status int, code string) {
	t.Helper()
	var o *odataerrors.ODataError
	if !errors.As(err, &o) {
		t.Fatalf("got %T %v, want an ODataError", err, err)
	}
	e := o.GetErrorEscaped()
	if o.ResponseStatusCode != status || e == nil || deref(e.GetCode()) != code {
		t.Fatalf("got %v, want %d %s", explain(err), status, code)
	}
	if deref(e.GetMessage()) == "" || e.GetInnerError() == nil || deref(e.GetInnerError().GetRequestId()) == "" || e.GetInnerError().GetDate() == nil {
		t.Error("the error lacks a message, a request id or a date")
	}
}

func TestThrottling(t *testing.T) {
	never := &khttp.RetryHandlerOptions{ShouldRetry: func(time.Duration, int, *http.Request, *http.Response) bool { return false }}
	const wait = time.Second
	for _, c := range []struct {
		situation string
		upn       string
		options   []abstractions.RequestOption
		answers   []int
	}{
		{"the SDK waits as told and succeeds", "admin@contoso.example", nil, []int{http.StatusTooManyRequests, http.StatusOK}},
		{"without retries it surfaces", "emma@contoso.example", []abstractions.RequestOption{never}, []int{http.StatusTooManyRequests}},
	} {
		t.Run(c.situation, func(t *testing.T) {
			client := graphClient(t, applicationTokens(t, "Seneschal"))
			path := "/users/" + c.upn + "/mailFolders"
			cloud.misbehave(t, map[string]any{"kind": "status", "status": http.StatusTooManyRequests, "retry_after": "1", "times": 1, "match": map[string]string{"path": path}})
			before, started := len(cloud.statuses(t, http.MethodGet, path)), time.Now()
			folders, err := client.Users().ByUserId(c.upn).MailFolders().Get(t.Context(), &users.ItemMailFoldersRequestBuilderGetRequestConfiguration{Options: c.options})
			if got := cloud.statuses(t, http.MethodGet, path)[before:]; !slices.Equal(got, c.answers) {
				t.Errorf("the simulator answered %v, want %v", got, c.answers)
			}
			if len(c.answers) == 1 {
				wantRefusal(t, err, http.StatusTooManyRequests, "TooManyRequests")
				return
			}
			if err != nil {
				t.Fatal(explain(err))
			}
			if len(folders.GetValue()) == 0 || time.Since(started) < wait {
				t.Errorf("%d folders after %s, want some after at least %s", len(folders.GetValue()), time.Since(started), wait)
			}
		})
	}
}
