// Command preview says what a customer would see, and why: the library without a server. A customer
// whom the shop does not know sees what a guest sees.
//
//	go run ./examples/preview -tenant demoshop -customer C100 -country CH
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/defaults/sitefile"
	"github.com/sessionctx/storefront/examples/storefront/data"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

func main() {
	err := run(context.Background(), os.Args[1:], os.Stdout)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	var req sessionctx.Request
	flags := flag.NewFlagSet("preview", flag.ContinueOnError)
	shops := flags.String("data", "", "folder with the shops; empty: the sample shops")
	flags.StringVar(&req.Tenant, "tenant", "demoshop", "the shop")
	flags.StringVar(&req.CustomerID, "customer", "", "id of the customer; empty: a guest")
	flags.StringVar(&req.Site, "site", "", "site that the host or path of the request stands for")
	flags.StringVar(&req.GeoCountry, "from", "", "country where the visitor seems to be")
	flags.StringVar(&req.AcceptLanguage, "accept-language", "", "header of the browser")
	country := flags.String("country", "", "country that the shopper chooses")
	currency := flags.String("currency", "", "currency that the shopper chooses")
	language := flags.String("language", "", "language that the shopper chooses")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("preview: %q is no flag", flags.Arg(0))
	}
	files := data.Shops()
	if *shops != "" {
		files = os.DirFS(*shops)
	}
	directory, err := sitefile.FromFS(files)
	if err != nil {
		return err
	}
	resolver, err := sessionctx.New(sessionctx.Config{Store: &memstore.Store{}, Directory: directory})
	if err != nil {
		return err
	}
	defer resolver.Close()
	// The operator says who the customer is. No session has this id, and Preview makes none.
	req.SessionID, req.Proof = "preview", sessionctx.Asserted
	x, err := resolver.Preview(ctx, req, sessionctx.Patch{
		Country: sessionctx.Set(*country), Currency: sessionctx.Set(*currency), Language: sessionctx.Set(*language),
	})
	if err != nil {
		return err
	}
	s := x.Session
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for f, value := range []string{s.Site, s.Currency, s.Country, s.Language} {
		fmt.Fprintf(table, "%s\t%s\t%s\n", defaults.Field(f), value, s.Source(defaults.Field(f)))
	}
	for _, r := range x.Rejected {
		fmt.Fprintf(table, "not %s\t%s\t%s: %s\n", r.Field, r.Value, r.Source, r.Reason)
	}
	return table.Flush()
}
