package sessionctx

import (
	"context"
	"log/slog"

	"github.com/sessionctx/storefront/internal/redact"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// notifyChange calls Config.OnChange after a write. before is the record that the write has met,
// under the id beforeID, and after is the session that the write has made.
func (r *Resolver) notifyChange(b *budget, req *Request, beforeID string, before *store.Record, after Session) {
	if r.cfg.OnChange == nil {
		return
	}
	ctx := context.WithoutCancel(b.caller) // the write is done, and the host must hear of it
	defer func() {
		if p := recover(); p != nil {
			secrets := append([]string{req.SessionID, beforeID, before.CustomerID, after.ID, after.CustomerID, after.CartID}, cartIDs(before)...)
			r.cfg.Logger.LogAttrs(ctx, slog.LevelError, "sessionctx: panic in Config.OnChange", slog.String("panic", redact.Panic(p, secrets...)))
		}
	}()
	inTime, cancel := b.afterwards()
	defer cancel()
	d, err := r.dependenciesOf(inTime, req.Tenant, before.CustomerID)
	if err != nil {
		r.cfg.Logger.LogAttrs(ctx, slog.LevelError, "sessionctx: Config.OnChange not called, though a write was applied",
			slog.String("tenant", req.Tenant), slog.Any("error", err))
		return
	}
	old := *req
	old.SessionID = beforeID
	r.cfg.OnChange(ctx, r.sessionOf(&old, before, !before.Exists(), before.CustomerID, &d), after)
}
