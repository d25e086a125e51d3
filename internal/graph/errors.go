package graph

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"seneschal/internal/fault"
	"seneschal/internal/m365"
	"seneschal/internal/wire"
)

// row maps one of Microsoft's codes to what a reader can do about it. The words are ours; nothing depends on Microsoft's message.
type row struct {
	codes   []string // lower case: services differ in case (graph/FACTS §2)
	status  int      // 0: with any status
	kind    fault.Kind
	code    string // ours; "": Microsoft's own
	message string
	cause   string
	fix     string
	who     string
	wrong   []string
}

const (
	you           = "you"
	admin         = "an administrator of the tenant"
	exchangeAdmin = "an Exchange administrator of the tenant"
	operator      = "the operator of this hub"
	nobody        = "nobody; it passes by itself"
)

// accountMissing is told of a mailbox by Exchange, and of a OneDrive by the directory.
var accountMissing = row{codes: []string{"errornonexistentmailbox", "errorinvaliduser"}, kind: fault.NotFound, code: "mailbox_missing",
	message: "The tenant has no such account", cause: "It was deleted, or the address or id is wrong",
	fix: "Restore the account (Entra keeps deleted users for thirty days), or take the mailbox off the list", who: admin}

// rows are searched from the innermost code outwards; the first row that fits counts. Where no code fits, the status decides (statusRows).
var rows = []row{
	{codes: []string{"mailboxnotenabledforrestapi", "mailboxnotsupportedforrestapi"}, kind: fault.NotSupported, code: "licence_missing",
		message: "The user has no mailbox in Exchange Online", cause: "No Exchange licence, a mailbox still on a local server, or one that is being made or was removed",
		fix: "Assign a licence with Exchange Online to the user, or take the mailbox off the list", who: admin, wrong: []string{"granting more permissions: the mailbox itself is missing"}},
	{codes: []string{"mailboxinfostale", "errormailboxmoveinprogress", "errormailboxstoreunavailable"}, kind: fault.Unavailable,
		message: "The mailbox is not available for now", cause: "Microsoft is moving it or its database is down", fix: "Wait and try again", who: nobody},
	{codes: []string{"erroraccessdenied"}, status: http.StatusForbidden, kind: fault.NeedsAdmin, code: "permission_missing",
		message: "Microsoft did not allow this for the mailbox", cause: "The permission is missing, or Exchange limits the app to other mailboxes (RBAC for Applications, application access policy)",
		fix: "Grant the permission and admin consent; if it is granted, add the mailbox to the app's scope in Exchange", who: admin},
	{codes: []string{"errorsendasdenied"}, kind: fault.NeedsAdmin, code: "send_as_denied",
		message: "Exchange does not let the signed-in person send from this mailbox", cause: "The person has neither Send As nor Send on Behalf of it (outlook-send-mail-from-other-user.md)",
		fix: "Give the person Send As or Send on Behalf of the mailbox, beside Full Access", who: exchangeAdmin, wrong: []string{"granting more Graph permissions: the mailbox's own permission is missing"}},
	{codes: []string{"extensionerror"}, status: http.StatusForbidden, kind: fault.NeedsAdmin, code: "resource_not_granted",
		message: "Exchange does not let the app into this mailbox", cause: "An application access policy excludes the mailbox, or it is on a local server",
		fix: "Add the mailbox to the policy's group, or take it off the list", who: exchangeAdmin, wrong: []string{"granting more Graph permissions: the policy stays"}},
	{codes: []string{"authorization_requestdenied"}, kind: fault.NeedsAdmin, code: "permission_missing",
		message: "The app lacks a permission for this", cause: "The permission was never granted, or the signed-in person may not do it", fix: "Grant the permission and give admin consent", who: admin},
	{codes: []string{"accessdenied", "forbidden", "authorization_identitynotfound"}, status: http.StatusForbidden, kind: fault.NeedsAdmin, code: "permission_missing",
		message: "Microsoft did not allow this", cause: "The permission is missing, or granted for other resources only (Sites.Selected, a policy, a role)",
		fix: "Grant the permission and admin consent; if it is granted, grant it for this resource", who: admin},
	{codes: []string{"authentication_requestfromnonpremiumtenantorb2ctenant", "authentication_requestfromunsupporteduserrole"}, kind: fault.NotSupported, code: "licence_missing",
		message: "The tenant has no licence for this", cause: "The report needs Microsoft Entra ID P1 or P2, or the reader a role", fix: "Buy the licence, or do without this reading", who: admin},
	{codes: []string{"invalidauthenticationtoken", "authenticationerror", "unauthenticated", "tokenexpired"}, status: http.StatusUnauthorized, kind: fault.NeedsReauth, code: "token_refused",
		message: "Microsoft refused the access token, a fresh one too", cause: "Consent or session was withdrawn, the token is for another resource, or the clock is wrong",
		fix: "Sign the connection in again; check the hub's clock", who: you},
	accountMissing,
	{codes: []string{"erroritemnotfound", "itemnotfound", "request_resourcenotfound", "resourcenotfound", "notfound"}, kind: fault.NotFound,
		message: "There is no such entry at Microsoft", cause: "It was deleted or moved, the id is wrong, or it belongs to another tenant", fix: "Look the entry up again and use its present id", who: you},
	{codes: []string{"syncstatenotfound", "syncstateinvalid", "resyncrequired", "resyncchangesapplydifferences", "resyncchangesuploaddifferences"}, kind: fault.Gone, code: "delta_forgotten",
		message: "Microsoft has forgotten this delta link", cause: "The link is too old, or the mailbox was moved", fix: "Walk everything once more; the hub does so by itself", who: nobody},
	{codes: []string{"errorirresolvableconflict", "resourcemodified", "errorstaleobject"}, kind: fault.Conflict, code: "changed_meanwhile",
		message: "The entry was changed by somebody else meanwhile", cause: "The etag or change key is an older one", fix: "Read the entry again and repeat the change on it", who: you},
	{codes: []string{"namealreadyexists", "upload_name_conflict", "errorfolderexists", "request_multipleobjectswithsamekeyvalue", "objectconflict"}, kind: fault.Conflict,
		message: "There already is an entry with this name or key", fix: "Choose another name, or change the existing entry", who: you},
	{codes: []string{"toomanyrequests", "activitylimitreached", "applicationthrottled", "throttledrequest", "throttledrequesttenant", "mailboxconcurrency"}, kind: fault.Throttled, code: "throttled",
		message: "Microsoft asks to slow down", cause: "A request limit was reached, by this hub or by another program with the same limit", fix: "Wait for the given time; the hub does so by itself", who: nobody},
	{codes: []string{"quotalimitreached", "errorquotaexceeded", "insufficientstorage"}, kind: fault.UpstreamRefused, code: "quota_full",
		message: "The mailbox or drive is full", fix: "Make room or raise the quota", who: admin},
	{codes: []string{"directory_quotaexceeded"}, kind: fault.UpstreamRefused, code: "quota_full", message: "The directory's quota is used up", fix: "Remove unused entries, or verify a domain", who: admin},
	{codes: []string{"inefficientfilter", "request_unsupportedquery", "errorinvalididmalformed", "errormimecontentinvalidbase64string", "invalidinternetmessageheadercollection",
		"errorinvalidproperty", "errorpropertyvalidationfailure", "request_badrequest", "errorinvalidrecipients", "errorinvalidrequest", "badrequest", "invalidrequest"}, status: http.StatusBadRequest, kind: fault.Invalid,
		message: "Microsoft did not accept the request's content", cause: "A field, id or query is not as the operation wants it", fix: "Correct the input and send it again", who: you},
	{codes: []string{"filedoublekeyencrypted", "filedecryptionnotsupported"}, status: http.StatusLocked, kind: fault.NotSupported, code: "file_protected",
		message: "Microsoft cannot open the file to read its labels", cause: "It is encrypted with a key of its owner's, or in a way that SharePoint does not open (driveitem-extractsensitivitylabels.md)",
		fix: "Open the file in its Office app to see its label, or have its owner take the protection off", who: "the file's owner", wrong: []string{"granting more permissions: the file itself is locked"}},
	{codes: []string{"filedecryptiondeferred"}, status: http.StatusLocked, kind: fault.Unavailable,
		message: "Microsoft is still opening the file to read its labels", fix: "Wait a minute and try again", who: nobody},
	{codes: []string{"notsupported", "objectnotsupported"}, kind: fault.NotSupported,
		message: "Microsoft does not do this with such an entry", cause: "It is of another kind: a folder, a notebook, or a file of a type that does not have it", fix: "Name an entry of a kind that has it", who: you},
	{codes: []string{"pathistoolong"}, status: http.StatusBadRequest, kind: fault.Invalid, code: "path_too_long",
		message: "The path would be longer than OneDrive and SharePoint take", cause: "All names from the library's address on count: 400 characters together",
		fix: "Take a shorter name, or a folder that lies less deep", who: you},
	{codes: []string{"resourcelocked", "errormessagelocked", "notallowed"}, status: http.StatusLocked, kind: fault.Conflict, code: "locked",
		message: "The entry is locked", cause: "Somebody has it open or checked out", fix: "Try again when it is free", who: you},
	{codes: []string{"invalidrange", "fragmentoverlap"}, status: http.StatusRequestedRangeNotSatisfiable, kind: fault.Conflict, code: "range_refused",
		message: "The upload expects another piece", fix: "Ask the session what it expects; the hub does so by itself", who: nobody},
	{codes: []string{"errormessagesizeexceeded", "requestentitytoolarge", "errorattachmentsizelimitexceeded"}, kind: fault.TooLarge,
		message: "The content is larger than Microsoft takes", fix: "Send less, or a link to it", who: you},
	// The codes of a service that guards against spam; the EWS reference has them for consumer mailboxes (ServiceError 465 to 473), people see them
	// with those of organisations, too. What Exchange documents for these is a report with 5.1.8 (docs/fidelity.md).
	{codes: []string{"errormessagesubmissionblocked", "erroraccountsuspend", "erroraccountsuspendshowtierupgrade"}, kind: fault.NeedsAdmin, code: "sender_blocked",
		message: "Exchange blocks the mailbox from sending", cause: "It sent more than the outbound limits allow, or the account looks taken over (outbound-spam-restore-restricted-users)",
		fix: "See that nobody else uses the account, then unblock it in Microsoft Defender on the page Restricted entities (security.microsoft.com/restrictedentities); Exchange follows within an hour, at most a day",
		who: admin, wrong: []string{"granting more Graph permissions: the account itself is blocked"}},
	{codes: []string{"errormessageblocked"}, kind: fault.UpstreamRefused, code: "taken_for_spam",
		message: "Exchange takes the mail for spam and does not send it", fix: "Change its text, links or files, and hand it in under a new key", who: you},
	{codes: []string{"errorexceededmessagelimit", "errorexceededmessagelimitshowtierupgrade", "errorexceededmaxrecipientlimit", "errorexceededmaxrecipientlimitblock",
		"errorexceededmaxrecipientlimitshowtierupgrade", "errorsubmissionquotaexceeded", "errorsendquotaexceeded"}, kind: fault.Throttled, code: "sending_limit",
		message: "The mailbox has reached its sending limit", cause: "Exchange limits messages and recipients per mailbox and time", fix: "Wait, as deliveries do by themselves, or send from another mailbox", who: you},
	{codes: []string{"extendederror", "erroriteminvalid"}, kind: fault.UpstreamRefused, message: "Microsoft could not process the entry", fix: "Look at the entry in Outlook", who: you},
}

// statusRows decide where no code fits.
var statusRows = map[int]row{
	http.StatusBadRequest:   {kind: fault.Invalid, message: "Microsoft did not accept the request", cause: "A field, id or query is not as the operation wants it", fix: "Correct the input and send it again", who: you},
	http.StatusUnauthorized: {kind: fault.NeedsReauth, code: "token_refused", message: "Microsoft refused the access token, a fresh one too", cause: "Consent or session was withdrawn, or the token is for another resource", fix: "Sign the connection in again", who: you},
	http.StatusForbidden: {kind: fault.NeedsAdmin, code: "permission_missing", message: "Microsoft did not allow this", cause: "A permission is missing, a policy forbids it, or a quota of subscriptions is used up",
		fix: "Grant the permission and give admin consent", who: admin},
	http.StatusNotFound:                     {kind: fault.NotFound, message: "There is no such entry at Microsoft", cause: "It was deleted or moved, the id is wrong, or the licence is missing", fix: "Look the entry up again", who: you},
	http.StatusConflict:                     {kind: fault.Conflict, message: "The request contradicts what is there", cause: "An equal entry exists, or the state is another", fix: "Read what is there and decide again", who: you},
	http.StatusGone:                         {kind: fault.Gone, message: "Microsoft has forgotten or retired this", fix: "Start over without the old link", who: nobody},
	http.StatusPreconditionFailed:           {kind: fault.Conflict, code: "changed_meanwhile", message: "The entry was changed by somebody else meanwhile", fix: "Read the entry again and repeat the change on it", who: you},
	http.StatusRequestEntityTooLarge:        {kind: fault.TooLarge, message: "The content is larger than Microsoft takes at once", fix: "Send it by upload session", who: you},
	http.StatusRequestedRangeNotSatisfiable: {kind: fault.Conflict, code: "range_refused", message: "The upload expects another piece", fix: "Ask the session what it expects; the hub does so by itself", who: nobody},
	http.StatusLocked:                       {kind: fault.Conflict, code: "locked", message: "The entry is locked", fix: "Try again when it is free", who: you},
	http.StatusFailedDependency:             {kind: fault.Conflict, code: "earlier_part_failed", message: "An earlier part of the batch failed, so this one was not done", fix: "Correct the earlier part and send both again", who: you},
	http.StatusTooManyRequests:              {kind: fault.Throttled, code: "throttled", message: "Microsoft asks to slow down", cause: "A request limit was reached", fix: "Wait for the given time; the hub does so by itself", who: nobody},
	http.StatusNotImplemented:               {kind: fault.NotSupported, message: "Microsoft does not offer this", cause: "A property outside the main store, or an operation that this cloud lacks", fix: "Leave the property out", who: you},
	http.StatusInsufficientStorage:          {kind: fault.UpstreamRefused, code: "quota_full", message: "The mailbox or drive is full", fix: "Make room or raise the quota", who: admin},
	509:                                     {kind: fault.Throttled, code: "throttled", message: "The bandwidth limit is reached", fix: "Wait for the given time; the hub does so by itself", who: nobody},
}

var (
	unknownRow     = row{kind: fault.UpstreamRefused, message: "Microsoft refused the request", fix: "Look the code up, and give Microsoft the request id", who: operator}
	unavailableRow = row{kind: fault.Unavailable, message: "Microsoft's service failed", cause: "A passing fault at Microsoft", fix: "Wait and try again; look at Microsoft's service health", who: nobody}
	signedRow      = row{kind: fault.Gone, code: "link_expired", message: "The pre-signed link is not valid any more", cause: "Such links live minutes to hours, and end with their upload", fix: "Ask for a new link and start again", who: you}
)

// decoder makes the error decoder of a mode.
func decoder(mode m365.Mode, limited bool) wire.DecodeError {
	return func(r wire.Refusal) *fault.Error {
		codes, requestID := errorCodes(r.Body)
		f := find(r, codes).fault()
		f.Operation, f.Mode = r.Request.Operation, string(mode)
		f.Upstream = &fault.Upstream{Status: r.Status, Code: useful(codes), RequestID: requestID}
		if f.Code == "" {
			f.Code = first(f.Upstream.Code, fmt.Sprintf("status_%d", r.Status))
		}
		refine(f, r, mode, limited)
		return f
	}
}

// NoMailbox reports whether Microsoft refused because a whole mailbox is missing: nothing is said of what was looked for in it.
func NoMailbox(err error) bool {
	code := fault.CodeOf(err)
	return code == "mailbox_missing" || code == "licence_missing"
}

func find(r wire.Refusal, codes []string) row {
	if r.Signed && (r.Status == http.StatusUnauthorized || r.Status == http.StatusForbidden || r.Status == http.StatusNotFound || r.Status == http.StatusGone) {
		return signedRow
	}
	for _, code := range codes {
		for _, w := range rows {
			if (w.status == 0 || w.status == r.Status) && slices.Contains(w.codes, strings.ToLower(code)) {
				return w
			}
		}
	}
	if w, ok := statusRows[r.Status]; ok {
		return w
	}
	if r.Status >= 500 {
		return unavailableRow
	}
	return unknownRow
}

func (w row) fault() *fault.Error {
	return &fault.Error{Kind: w.kind, Code: w.code, Message: w.message, Cause: w.cause, Fix: w.fix, Who: w.who, WrongFixes: w.wrong}
}

// NotInScope is the code of a refusal by Exchange to an app that reaches some mailboxes only.
const NotInScope = "mailbox_not_granted"

// refine adds what only operation and mode tell.
func refine(f *fault.Error, r wire.Refusal, mode m365.Mode, limited bool) {
	op, known := m365.LookupOperation(m365.OperationKey(f.Operation))
	accepted := op.In(mode)
	switch {
	case known && !accepted.Offered() && neverOffered[r.Status]:
		upstream := f.Upstream
		*f = *notOffered(f.Operation, mode)
		f.Upstream = upstream
	case f.Code == "token_refused" && r.Claims != "":
		f.Code, f.Message, f.Cause = "claims_challenge", "Microsoft asks for a stronger or newer sign-in", "Conditional Access, a changed password or a withdrawn session"
		fallthrough
	case f.Code == "token_refused":
		if mode == m365.Application {
			f.Kind, f.Who, f.Fix = fault.NeedsAdmin, admin, "Check credential, consent and Conditional Access policies of the app"
		}
	case f.Kind == fault.NotFound && strings.EqualFold(f.Code, "ResourceNotFound") && strings.Contains(f.Operation, "/{user-id}/drive"):
		// An item that is missing is itemNotFound: here the whole drive is (recall, docs/fidelity.md).
		f.Kind, f.Code, f.Message, f.Cause = fault.NotSupported, "licence_missing", "The user has no OneDrive", "No licence with OneDrive, or the person has never opened it"
		f.Fix, f.Who = "Assign a licence with OneDrive, have the person open it once (or provision it in the SharePoint admin center), or take the mailbox off the list", admin
	case f.Kind == fault.NotFound && strings.EqualFold(f.Code, "Request_ResourceNotFound") && strings.Contains(f.Operation, "/{user-id}/drive"):
		upstream := f.Upstream
		*f = *accountMissing.fault()
		f.Operation, f.Mode, f.Upstream = r.Request.Operation, string(mode), upstream
	case f.Code == "permission_missing" && mode == m365.Delegated && f.Upstream.Status == http.StatusForbidden && ofOthers(f.Operation):
		f.Cause = "The person did not consent to mail of shared mailboxes, or Exchange does not let the person into this one"
		f.Fix = "Sign in again, which asks for Mail.ReadWrite.Shared and Mail.Send.Shared while the mailbox is listed; if that is granted, have Full Access to the mailbox given to the person in Exchange"
		f.Who, f.WrongFixes = exchangeAdmin, []string{"granting Mail.ReadWrite: it reaches the person's own mailbox alone"}
	case f.Code == "permission_missing" && limited && slices.ContainsFunc(accepted.All, func(p string) bool { return m365.ExchangeRole(p) != "" }):
		f.Code, f.Message, f.Cause = NotInScope, "Exchange does not let the app into this mailbox, or not for this", "The app reaches the mailboxes that roles of Exchange give it, and this is not one of them, or the role is missing"
		f.Fix = "Run the script that seneschal connection mailbox-script prints; Exchange may take up to two hours to follow"
		f.Who, f.WrongFixes = exchangeAdmin, []string{"granting " + strings.Join(accepted.Least, " or ") + " in Entra: it lets the app into every mailbox of the tenant"}
	case f.Code == "permission_missing" && len(accepted.Least) > 0:
		f.Fix = "Grant " + accepted.Least[0] + " (" + string(mode) + "): " + lowerFirst(f.Fix)
	}
}

// ofOthers says that an operation is about mail of a mailbox by its name: that of whoever signed in is asked for as /me.
func ofOthers(operation string) bool {
	return strings.Contains(operation, " /users/{user-id}/messages") || strings.Contains(operation, " /users/{user-id}/mailFolders")
}

// neverOffered are the answers to what a mode does not have. Teams answers an app's posting with 401 although the token is fine, and into an
// ordinary chat with 502 although nothing is down (dynamics/AUTH-MATRIX §1, rule 7, and §2): neither a new token nor a repetition helps.
var neverOffered = map[int]bool{http.StatusUnauthorized: true, http.StatusForbidden: true, http.StatusBadGateway: true}

func notOffered(operation string, mode m365.Mode) *fault.Error {
	why := m365.WhyNot(m365.OperationKey(operation), mode)
	return &fault.Error{Kind: fault.NotSupported, Code: "mode_not_supported", Operation: operation, Mode: string(mode), Message: why.Title, Cause: why.Why,
		Fix: "Use a connection of the other kind for it, or one of the alternatives", Who: operator, Alternatives: why.Instead, WrongFixes: why.Wrong}
}

func notSupported(operation string, mode m365.Mode, message string) *fault.Error {
	return &fault.Error{Kind: fault.NotSupported, Code: "mode_not_supported", Operation: operation, Mode: string(mode), Message: message,
		Cause: "Microsoft offers the operation to the other kind of connection only", Fix: "Use a connection of the other kind for it", Who: operator,
		WrongFixes: []string{"granting more permissions: none of them covers it", "signing in again: the token is fine"}}
}

func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

// errorCodes reads every code of an error body, the innermost first, and the request id it names.
func errorCodes(body []byte) (codes []string, requestID string) {
	var top struct {
		Error json.RawMessage `json:"error"`
		Odata json.RawMessage `json:"odata.error"` // an older form of SharePoint's
	}
	if json.Unmarshal(body, &top) != nil {
		return nil, ""
	}
	raw := top.Error
	if len(raw) == 0 {
		raw = top.Odata
	}
	for depth := 0; depth < 10 && len(raw) > 0; depth++ {
		var e struct {
			Code    any `json:"code"` // a number in some old answers
			Details []struct {
				Code string `json:"code"`
			} `json:"details"`
			Inner   json.RawMessage `json:"innerError"` // also innererror: encoding/json ignores case
			Dashed  string          `json:"request-id"`
			Request string          `json:"requestId"`
		}
		if json.Unmarshal(raw, &e) != nil {
			break
		}
		for _, d := range e.Details {
			codes = append(codes, d.Code)
		}
		if code, ok := e.Code.(string); ok {
			codes = append(codes, code)
		}
		requestID = first(e.Dashed, first(e.Request, requestID))
		raw = e.Inner
	}
	codes = slices.DeleteFunc(codes, func(c string) bool { return c == "" })
	slices.Reverse(codes)
	return codes, requestID
}

// generic codes say less than the status does.
var generic = []string{"unknownerror", "generalexception", "badrequest", "forbidden", "notfound", "unauthorized"}

// useful is the innermost code that says something.
func useful(codes []string) string {
	for _, c := range codes {
		if !slices.Contains(generic, strings.ToLower(c)) {
			return c
		}
	}
	if len(codes) > 0 {
		return codes[0]
	}
	return ""
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
