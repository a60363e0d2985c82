package demo

import (
	"context"
	"fmt"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/plugins/kb"
)

// articles are what customers find before they ask.
var articles = []kb.NewArticle{
	{Title: "An invoice shows the wrong VAT rate", Body: `The rate follows from two things: the **country of the billing address** and the customer's VAT number.

1. Open the customer and look at the billing address. Without a country, the rate of your own country applies.
2. Set the country, and check that the VAT number is accepted.
3. Open the draft of the invoice and press *Recalculate*. Its number stays.

An invoice that was sent already is not changed: write a credit note, and a new invoice.`},
	{Title: "Change the address on your own invoices", Body: `Under **Settings → Subscription → Billing details** you change the name and address that we put on the invoices to you.

The change holds from the next invoice on. We can correct the last one as well: answer the mail that it came with.`},
	{Title: "A payment was booked twice", Body: `When the bank does not answer in time, a payment is tried again, and now and then both attempts are booked.

We see this within a day and send one of them back; banks take up to **five working days** to show it. You need not do anything.`},
	{Title: "Reset your password", Body: `Choose *Forgot your password?* on the page on which you sign in. The link in the mail works for one hour.

No mail? Look into the spam folder, and ask the administrator of your company which address your account has.`},
}

// write publishes the articles.
func (s *stage) write(ctx context.Context) error {
	base, found := core.Lookup[*kb.Articles](s.host)
	if !found {
		return nil
	}
	ctx, err := s.as(ctx, agent(Admin))
	if err != nil {
		return err
	}
	published := kb.StatePublished
	for _, in := range articles {
		one, err := base.Create(ctx, in)
		if err == nil {
			_, err = base.Update(ctx, one.ID, kb.ArticlePatch{Version: one.Version, State: &published})
		}
		if err != nil {
			return fmt.Errorf("article %q: %w", in.Title, err)
		}
	}
	return nil
}
