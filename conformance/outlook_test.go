package conformance

import (
	"slices"
	"testing"

	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/users"
)

func TestContactIsCreatedAndReadBack(t *testing.T) {
	client := graphClient(t, applicationTokens(t, "Seneschal"))
	mailbox := client.Users().ByUserId("chloe@contoso.example")
	folder := models.NewContactFolder()
	folder.SetDisplayName(ptr("Conformance"))
	made, err := mailbox.ContactFolders().Post(t.Context(), folder, nil)
	if err != nil {
		t.Fatal(explain(err))
	}
	contacts := mailbox.ContactFolders().ByContactFolderId(*made.GetId()).Contacts()
	address := models.NewEmailAddress()
	address.SetAddress(ptr("pavel@bansky.example"))
	home := models.NewPhysicalAddress()
	home.SetCity(ptr("Prague"))
	contact := models.NewContact()
	contact.SetGivenName(ptr("Pavel"))
	contact.SetSurname(ptr("Bansky"))
	contact.SetHomeAddress(home)
	contact.SetEmailAddresses([]models.EmailAddressable{address})
	created, err := contacts.Post(t.Context(), contact, nil)
	if err != nil {
		t.Fatal(explain(err))
	}
	read, err := mailbox.Contacts().ByContactId(*created.GetId()).Get(t.Context(), nil)
	if err != nil {
		t.Fatal(explain(err))
	}
	if deref(read.GetDisplayName()) != "Pavel Bansky" || deref(read.GetHomeAddress().GetCity()) != "Prague" || deref(read.GetParentFolderId()) != *made.GetId() || len(read.GetEmailAddresses()) != 1 {
		t.Errorf("read back %q of %q with %d addresses", deref(read.GetDisplayName()), deref(read.GetHomeAddress().GetCity()), len(read.GetEmailAddresses()))
	}
	filter := "emailAddresses/any(a:a/address eq 'pavel@bansky.example')"
	found, err := contacts.Get(t.Context(), &users.ItemContactFoldersItemContactsRequestBuilderGetRequestConfiguration{QueryParameters: &users.ItemContactFoldersItemContactsRequestBuilderGetQueryParameters{Filter: &filter}})
	if err != nil || len(found.GetValue()) != 1 {
		t.Errorf("by address: %v", explain(err))
	}
	if err := mailbox.ContactFolders().ByContactFolderId(*made.GetId()).Delete(t.Context(), nil); err != nil {
		t.Error(explain(err))
	}
	if _, err := mailbox.Contacts().ByContactId(*created.GetId()).Get(t.Context(), nil); err == nil {
		t.Error("a contact outlived its folder")
	}
}

func TestTaskIsCreatedAndReadBack(t *testing.T) {
	client := graphClient(t, applicationTokens(t, "Seneschal"))
	lists := client.Users().ByUserId("chloe@contoso.example").Todo().Lists()
	all, err := lists.Get(t.Context(), nil)
	if err != nil {
		t.Fatal(explain(err))
	}
	i := slices.IndexFunc(all.GetValue(), func(l models.TodoTaskListable) bool {
		return *l.GetWellknownListName() == models.DEFAULTLIST_WELLKNOWNLISTNAME
	})
	tasks := lists.ByTodoTaskListId(*all.GetValue()[i].GetId()).Tasks()
	link := models.NewLinkedResource()
	link.SetApplicationName(ptr("Tickets"))
	link.SetExternalId(ptr("4711"))
	task := models.NewTodoTask()
	task.SetTitle(ptr("Order paper"))
	task.SetLinkedResources([]models.LinkedResourceable{link})
	created, err := tasks.Post(t.Context(), task, nil)
	if err != nil {
		t.Fatal(explain(err))
	}
	item := models.NewChecklistItem()
	item.SetDisplayName(ptr("Ask for a price"))
	one := tasks.ByTodoTaskId(*created.GetId())
	if _, err := one.ChecklistItems().Post(t.Context(), item, nil); err != nil {
		t.Fatal(explain(err))
	}
	change := models.NewTodoTask()
	change.SetStatus(ptr(models.COMPLETED_TASKSTATUS))
	if _, err := one.Patch(t.Context(), change, nil); err != nil {
		t.Fatal(explain(err))
	}
	read, err := one.Get(t.Context(), &users.ItemTodoListsItemTasksTodoTaskItemRequestBuilderGetRequestConfiguration{QueryParameters: &users.ItemTodoListsItemTasksTodoTaskItemRequestBuilderGetQueryParameters{Expand: []string{"linkedResources", "checklistItems"}}})
	if err != nil {
		t.Fatal(explain(err))
	}
	if deref(read.GetTitle()) != "Order paper" || *read.GetStatus() != models.COMPLETED_TASKSTATUS || read.GetCompletedDateTime() == nil || len(read.GetChecklistItems()) != 1 ||
		len(read.GetLinkedResources()) != 1 || deref(read.GetLinkedResources()[0].GetExternalId()) != "4711" {
		t.Errorf("read back %q with %d steps and %d links", deref(read.GetTitle()), len(read.GetChecklistItems()), len(read.GetLinkedResources()))
	}
}
