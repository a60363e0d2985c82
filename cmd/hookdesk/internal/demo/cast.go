package demo

import (
	"strings"

	"github.com/hookdesk/hookdesk/core"
)

// The people whom the demo's texts speak of.
const (
	Customer = "carla.berg"
	Agent    = "chloe"
	Admin    = "xenia"
)

// department is a part of the invented company's desk. Its agents are user ids;
// hugo is in none and therefore sees all.
type department struct {
	slug, name string
	agents     []string
}

var departments = []department{
	{"support", "Technical support", []string{"chloe", "dmitri"}},
	{"billing", "Billing", []string{"ann", "ben"}},
	{"integrations", "Integrations & API", []string{"emi", "dmitri"}},
	{"onboarding", "Onboarding", []string{"greta"}},
	{"privacy", "Privacy & security", []string{"farid"}},
}

var staff = []core.Identity{
	{UserID: "ann", Name: "Ann Keller", Role: core.Agent, TimeZone: "Europe/Zurich", Locale: "de-CH"},
	{UserID: "ben", Name: "Ben Okafor", Role: core.Agent, TimeZone: "Europe/London", Locale: "en-GB"},
	{UserID: "chloe", Name: "Chloé Martin", Role: core.Agent, TimeZone: "Europe/Paris", Locale: "fr-FR"},
	{UserID: "dmitri", Name: "Dmitri Sava", Role: core.Agent, TimeZone: "Europe/Bucharest", Locale: "en-GB"},
	{UserID: "emi", Name: "Emi Tanaka", Role: core.Agent, TimeZone: "Europe/Berlin", Locale: "ja-JP"},
	{UserID: "farid", Name: "Farid Haddad", Role: core.Agent, TimeZone: "Europe/Zurich", Locale: "en-GB"},
	{UserID: "greta", Name: "Greta Lind", Role: core.Agent, TimeZone: "Europe/Stockholm", Locale: "sv-SE"},
	{UserID: "hugo", Name: "Hugo Almeida", Role: core.Agent, TimeZone: "Europe/Lisbon", Locale: "pt-PT"},
	{UserID: Admin, Name: "Xenia Novak", Role: core.Admin, TimeZone: "Europe/Zurich", Locale: "en-GB"},
}

// tagColours are the tags of the stories.
var tagColours = map[string]string{
	"api": "#2f6fde", "approvals": "#7a5cc7", "bank": "#2e8b57", "bug": "#c0392b", "email": "#b8860b", "export": "#3a7ca5",
	"feature-request": "#8e44ad", "gdpr": "#34495e", "how-to": "#16a085", "import": "#3a7ca5", "invoice": "#d35400",
	"login": "#c2185b", "mobile": "#5d8a3a", "payment": "#d35400", "performance": "#c0392b", "plan": "#7f8c8d", "refund": "#e67e22",
	"report": "#3a7ca5", "restore": "#c0392b", "security": "#34495e", "sso": "#c2185b", "sync": "#5d8a3a", "training": "#16a085",
	"vat": "#d35400", "webhook": "#2f6fde",
}

// customers are "name, company".
var customers = [...]string{
	"Carla Berg, Berg & Tochter Tischlerei", "Maria Santos, Brightwater Dental", "Tom Hartley, Hartley Roofing", "Ines Dubois, Atelier Dubois",
	"Oskar Nyberg, Nyberg Arkitekter", "Lena Vogt, Vogt Steuerberatung", "Paolo Ricci, Ricci Impianti", "Aisha Bello, Bello Catering",
	"Jan de Wit, De Wit Fietsen", "Marta Kowalska, Studio Kowalska", "Liam Byrne, Byrne Landscapes", "Sofia Marino, Marino Yoga",
	"Elif Kaya, Kaya Translations", "Noah Fischer, Fischer Filmtechnik", "Hana Svoboda, Svoboda Ceramics", "Mateo Ruiz, Ruiz Fotografia",
	"Freya Olsen, Olsen Sail Lofts", "Ravi Nair, Nair Consulting", "Claire Petit, Librairie Petit", "Anton Weber, Weber Elektro",
	"Grace Mwangi, Mwangi Logistics", "Pekka Laine, Laine Software", "Nora Haug, Haug Physiotherapy", "Victor Ionescu, Ionescu Advocates",
	"Julie Simon, Simon Interiors", "Kemal Aydin, Aydin Bakeries", "Rosa Lopes, Lopes Viagens", "Ewan Reid, Reid Boatyard",
	"Milena Petrova, Petrova Design", "Stefan Gruber, Gruber Holzbau", "Amelie Roux, Roux Traiteur", "Dylan Price, Price Plumbing",
	"Katja Horn, Horn Veterinary", "Luca Ferri, Ferri Grafica", "Saoirse Quinn, Quinn Music School", "Bram Peeters, Peeters Tuinen",
	"Yara Haddad, Haddad Events", "Felix Brandt, Brandt Messebau", "Agata Nowak, Nowak Kids", "George Miles, Miles & Hare Opticians",
}

// plain makes what may stand in an address of one of the names above.
func plain(name string) string {
	return strings.ToLower(strings.NewReplacer("é", "e", "ö", "o", "ü", "u", " & ", "-", " ", "-").Replace(name))
}

// customer is the n-th of the customers.
func customer(n int) core.Identity {
	name, company, _ := strings.Cut(customers[n], ", ")
	user := strings.ReplaceAll(plain(name), "-", ".")
	return core.Identity{
		UserID: user, Name: name, Role: core.Requester, TimeZone: "Europe/Zurich",
		Email: user + "@" + plain(company) + ".example",
	}
}

func companyOf(n int) string {
	_, company, _ := strings.Cut(customers[n], ", ")
	return company
}

func agent(user string) core.Identity {
	for _, a := range staff {
		if a.UserID == user {
			a.Email = user + "@ledgerlark.example"
			return a
		}
	}
	return core.Identity{}
}

func firstName(id core.Identity) string {
	first, _, _ := strings.Cut(id.Name, " ")
	return first
}
