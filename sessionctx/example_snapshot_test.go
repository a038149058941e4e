package sessionctx_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"

	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

// mailJob is a job of your queue.
type mailJob struct {
	Order   string              `json:"order"`
	Session sessionctx.Snapshot `json:"session"`
}

// A request puts a job into a queue, and a worker in another process does the job. The worker has
// the values that the shopper saw, and it can ask as the same shopper for the session as it is now.
func ExampleSession_Snapshot() {
	records := &memstore.Store{} // a store that both processes share
	server, err := sessionctx.New(sessionctx.Config{Store: records, Directory: demoshop()})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	worker, err := sessionctx.New(sessionctx.Config{Store: records, Directory: demoshop()})
	if err != nil {
		log.Fatal(err)
	}
	defer worker.Close()
	ctx := context.Background()

	// The server.
	s, err := server.Update(ctx, by("s1", "C100"), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
	if err != nil {
		log.Fatal(err)
	}
	message, err := json.Marshal(mailJob{"o-4711", s.Snapshot()})
	if err != nil {
		log.Fatal(err)
	}

	// The worker.
	var job mailJob
	if err := json.Unmarshal(message, &job); err != nil {
		log.Fatal(err)
	}
	seen := job.Session.Session()
	fmt.Println("mail in", seen.Language, "about", job.Order, "paid in", seen.Currency)
	now, err := worker.Resolve(ctx, job.Session.Request())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("unchanged:", now.ID == seen.ID && now.ETag() == seen.ETag())
	// Output:
	// mail in en about o-4711 paid in CHF
	// unchanged: true
}

// A Session that is encoded by accident gives no id away, and nothing takes it for a Snapshot.
func ExampleSession_MarshalJSON() {
	s := sessionctx.Session{Tenant: "demoshop", ID: "a secret", Site: "main", Currency: "EUR", Country: "DE", Language: "de", Version: 7}
	b, err := json.Marshal(s)
	fmt.Println(string(b), err)
	fmt.Println(json.Unmarshal(b, new(sessionctx.Snapshot)))
	fmt.Println(s.Snapshot())
	// Output:
	// {"tenant":"demoshop","shopper":"anonymous","site":"main","currency":"EUR","country":"DE","language":"de","version":7} <nil>
	// sessionctx: decode snapshot: member "v" is missing: the document is not a Snapshot
	// snapshot{tenant=demoshop shopper=anonymous site=main currency=EUR country=DE language=de version=7}
}
