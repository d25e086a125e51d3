package mail

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// Category is an entry of a mailbox's list of categories. Messages, events, contacts and tasks carry it by its name.
type Category struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Colour string `json:"colour"`
}

// CategoryList is the whole list.
type CategoryList struct {
	Categories []Category `json:"categories"`
}

// CategoryCreateIn is a new category.
type CategoryCreateIn struct {
	place.Mailbox
	Name string `json:"name" minLength:"1" maxLength:"255" doc:"Name, of which there is none in the list yet; it cannot be changed later"`
	Tint
}

// CategoryIn names one category.
type CategoryIn struct {
	place.Mailbox
	Category string `json:"category" minLength:"1" doc:"Id of the category"`
}

func (in CategoryIn) at(c action.Call) (place.Place, graph.Path, error) {
	box, err := in.In(c)
	return box, box.Category(in.Category), err
}

// CategoryUpdateIn is another colour for a category: its name cannot be changed (outlookcategory-update.md).
type CategoryUpdateIn struct {
	CategoryIn
	Tint
}

// Tint is a colour by its name in Outlook.
type Tint struct {
	Colour string `json:"colour" enum:"none,red,orange,brown,yellow,green,teal,olive,blue,purple,cranberry,steel,dark_steel,gray,dark_gray,black,dark_red,dark_orange,dark_brown,dark_yellow,dark_green,dark_teal,dark_olive,dark_blue,dark_purple,dark_cranberry" doc:"Colour, as Outlook for the desktop shows it"`
}

// CategoryDeleted names a category that is gone.
type CategoryDeleted struct {
	ID string `json:"id"`
}

// presets are the colours in the order of Microsoft's preset0 to preset24: resources/outlookcategory.md.
var presets = []string{"red", "orange", "brown", "yellow", "green", "teal", "olive", "blue", "purple", "cranberry", "steel", "dark_steel", "gray", "dark_gray", "black",
	"dark_red", "dark_orange", "dark_brown", "dark_yellow", "dark_green", "dark_teal", "dark_olive", "dark_blue", "dark_purple", "dark_cranberry"}

func (t Tint) preset() *string {
	out := t.Colour // none
	if i := slices.Index(presets, t.Colour); i >= 0 {
		out = fmt.Sprint("preset", i)
	}
	return &out
}

func categoryOf(k graph.Category) Category {
	colour := strings.ToLower(k.Color)
	var i int
	if _, err := fmt.Sscanf(colour, "preset%d", &i); err == nil && i >= 0 && i < len(presets) {
		colour = presets[i]
	}
	return Category{k.ID, k.DisplayName, colour}
}

func categoryActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "mail.category.list", Summary: "List the categories of a mailbox with their colours.", Effect: action.Reads,
			Operations: []m365.OperationKey{listCategories}, Capability: m365.MailSettings},
			func(ctx context.Context, c action.Call, in place.Mailbox) (CategoryList, error) {
				box, err := in.In(c)
				if err != nil {
					return CategoryList{}, err
				}
				list, err := categoriesIn(ctx, box)
				return CategoryList{list}, err
			}),
		once.Define(action.Spec{Name: "mail.category.create", Summary: "Put a category into a mailbox's list.", Effect: action.Writes,
			Operations: []m365.OperationKey{listCategories, createCategory}, Capability: m365.MailSettings}, CategoryCreateIn.addition),
		action.Define(action.Spec{Name: "mail.category.update", Summary: "Give a category another colour.", Effect: action.Writes, Repeatable: true,
			Operations: []m365.OperationKey{changeCategory}, Capability: m365.MailSettings, Args: []string{"category", "colour"}},
			func(ctx context.Context, c action.Call, in CategoryUpdateIn) (Category, error) {
				box, path, err := in.at(c)
				if err != nil {
					return Category{}, err
				}
				k, err := graph.Patch[graph.Category](ctx, box.Graph, path, graph.CategoryChange{Color: in.preset()}, graph.Idempotent())
				return categoryOf(k), err
			}),
		action.Define(action.Spec{Name: "mail.category.delete", Summary: "Take a category off a mailbox's list; what carries its name keeps it.", Effect: action.Deletes, Repeatable: true,
			Operations: []m365.OperationKey{deleteCategory}, Capability: m365.MailSettings, Args: []string{"category"}},
			func(ctx context.Context, c action.Call, in CategoryIn) (CategoryDeleted, error) {
				box, path, err := in.at(c)
				if err != nil {
					return CategoryDeleted{}, err
				}
				return CategoryDeleted{in.Category}, graph.Delete(ctx, box.Graph, path)
			}),
	}
}

func categoriesIn(ctx context.Context, box place.Place, opts ...graph.Option) ([]Category, error) {
	out := []Category{}
	for k, err := range graph.List[graph.Category](ctx, box.Graph, box.Categories(), opts...) {
		if err != nil {
			return nil, err
		}
		out = append(out, categoryOf(k))
	}
	return out, nil
}

// addition is the way of a category that is made once: its name is the only one in the list (resources/outlookcategory.md).
func (in CategoryCreateIn) addition(_ context.Context, c action.Call) (once.Addition[Category], error) {
	box, err := in.In(c)
	return once.Addition[Category]{
		List: func(ctx context.Context, proof graph.Option) ([]Category, error) {
			return categoriesIn(ctx, box, proof)
		},
		ID: func(k Category) string { return k.ID },
		Is: func(k Category) bool { return strings.EqualFold(k.Name, in.Name) },
		Make: func(ctx context.Context) (Category, error) {
			k, err := graph.Post[graph.Category](ctx, box.Graph, box.Categories(), graph.CategoryChange{DisplayName: &in.Name, Color: in.preset()})
			return categoryOf(k), err
		},
	}, err
}
