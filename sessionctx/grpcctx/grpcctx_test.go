package grpcctx_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/grpcctx"
	"github.com/sessionctx/storefront/sessionctx/sessiontest"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// unwatched hides that the store reports changes: two resolvers on it are two processes, and each
// keeps what it has read for MaxStale.
type unwatched struct{ store.Store }

func newResolver(t *testing.T, backend store.Store) *sessionctx.Resolver {
	t.Helper()
	r, err := sessionctx.New(sessionctx.Config{
		Store: unwatched{backend}, MaxStale: 1 << 40,
		Directory: sessionctx.Static{"myshop": {Sites: []defaults.Site{{
			Code: "main", Default: true, Country: "DE", Currency: "EUR", Currencies: []string{"CHF", "GBP"}, Language: "de",
		}}}},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

// prices is a server that says the currency of its caller: as the error of the call, so that no
// message has to be made for it.
type prices struct {
	grpc_health_v1.UnimplementedHealthServer
}

func say(ctx context.Context) error {
	s, ok := sessionctx.FromContext(ctx)
	if !ok {
		return status.Error(codes.FailedPrecondition, "no session")
	}
	return status.Error(codes.FailedPrecondition, fmt.Sprintf("%s (%s)", s.Currency, s.Source(defaults.FieldCurrency)))
}

func (prices) Check(ctx context.Context, _ *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	return nil, say(ctx)
}

func (prices) Watch(_ *grpc_health_v1.HealthCheckRequest, stream grpc.ServerStreamingServer[grpc_health_v1.HealthCheckResponse]) error {
	return say(stream.Context())
}

// identify believes a signed header, whose signature is that it begins with "signed:", and what the
// client interceptor of a neighbour passes on.
func identify(ctx context.Context) (req sessionctx.Request, err error) {
	req.Tenant = "myshop"
	md, _ := metadata.FromIncomingContext(ctx)
	switch token := md.Get("authorization"); {
	case len(token) == 0:
	case token[0] == "down":
		return req, errors.New("the key server at 10.0.0.7 does not answer")
	case token[0] == "bad":
		return req, status.Error(codes.Unauthenticated, "the token is not good")
	default:
		req.SessionID, req.Proof = token[0], sessionctx.Asserted
		return req, nil
	}
	if ids := md.Get(grpcctx.SessionIDKey); len(ids) == 1 {
		req.SessionID, req.Proof = ids[0], sessionctx.BySecret
	}
	return req, nil
}

// dial starts a server and returns a client of it.
func dial(t *testing.T, r *sessionctx.Resolver, skip func(string) bool) grpc_health_v1.HealthClient {
	t.Helper()
	sessions, err := grpcctx.New(grpcctx.Config{Resolver: r, Identify: identify, Skip: skip})
	require.NoError(t, err)
	server := grpc.NewServer(grpc.UnaryInterceptor(sessions.Unary), grpc.StreamInterceptor(sessions.Stream))
	grpc_health_v1.RegisterHealthServer(server, prices{})
	listener := bufconn.Listen(1 << 16)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:///prices", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
		grpc.WithUnaryInterceptor(grpcctx.UnaryClient), grpc.WithStreamInterceptor(grpcctx.StreamClient))
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, conn.Close())
		server.Stop()
		assert.NoError(t, <-done)
	})
	return grpc_health_v1.NewHealthClient(conn)
}

// ask calls both methods and returns the one status that both give.
func ask(t *testing.T, ctx context.Context, client grpc_health_v1.HealthClient) (codes.Code, string) {
	t.Helper()
	_, unary := client.Check(ctx, nil)
	stream, err := client.Watch(ctx, &grpc_health_v1.HealthCheckRequest{})
	require.NoError(t, err)
	_, streamed := stream.Recv()
	require.Equal(t, status.Convert(unary).String(), status.Convert(streamed).String())
	return status.Code(unary), status.Convert(unary).Message()
}

func TestServer_AttachesTheSessionOfTheCall(t *testing.T) {
	r := newResolver(t, new(sessiontest.Store))
	asserted := sessionctx.Request{Identity: sessionctx.Identity{Tenant: "myshop", SessionID: "s-1", Proof: sessionctx.Asserted}}
	_, err := r.Update(t.Context(), asserted, sessionctx.Patch{Currency: sessionctx.Set("CHF")})
	require.NoError(t, err)
	_, err = r.Update(t.Context(), sessionctx.Request{Identity: sessionctx.Identity{Tenant: "myshop", SessionID: "s-2", Proof: sessionctx.Asserted}},
		sessionctx.Patch{Currency: sessionctx.Set("GBP")})
	require.NoError(t, err)
	require.NoError(t, r.End(t.Context(), sessionctx.Request{Identity: sessionctx.Identity{Tenant: "myshop", SessionID: "s-2", Proof: sessionctx.Asserted}}))
	client := dial(t, r, nil)

	tests := []struct {
		desc string
		md   []string
		code codes.Code
		want string
	}{
		{"a guest", nil, codes.FailedPrecondition, "EUR (site.currency)"},
		{"a token that names a session", []string{"authorization", "s-1"}, codes.FailedPrecondition, "CHF (choice)"},
		{"a session that has ended", []string{"authorization", "s-2"}, codes.NotFound, sessionctx.ErrNotFound.Error()},
		{"a token that is not good", []string{"authorization", "bad"}, codes.Unauthenticated, "the token is not good"},
		{"a failure whose text is not for callers", []string{"authorization", "down"}, codes.Internal, "grpcctx: internal error"},
	}
	for _, tt := range tests {
		t.Run(tt.desc, func(t *testing.T) {
			code, text := ask(t, metadata.AppendToOutgoingContext(t.Context(), tt.md...), client)
			assert.Equal(t, tt.code, code)
			assert.Equal(t, tt.want, text)
		})
	}

	health := func(method string) bool { return strings.HasPrefix(method, "/grpc.health.v1.Health/") }
	code, text := ask(t, t.Context(), dial(t, r, health))
	assert.Equal(t, codes.FailedPrecondition, code)
	assert.Equal(t, "no session", text, "Skip")
}

func TestClient_NextServerSeesTheCallersWrites(t *testing.T) {
	backend := new(sessiontest.Store)
	web, remote := newResolver(t, backend), newResolver(t, backend)
	client := dial(t, remote, nil)
	guest := sessionctx.Request{Identity: sessionctx.Identity{Tenant: "myshop", Proof: sessionctx.BySecret}}
	first, err := web.Update(t.Context(), guest, sessionctx.Patch{Currency: sessionctx.Set("CHF")})
	require.NoError(t, err)
	_, text := ask(t, sessionctx.NewContext(t.Context(), first), client)
	require.Equal(t, "CHF (choice)", text)

	guest.SessionID = first.ID
	second, err := web.Update(t.Context(), guest, sessionctx.Patch{Currency: sessionctx.Set("GBP")})
	require.NoError(t, err)
	_, text = ask(t, sessionctx.NewContext(t.Context(), first), client)
	require.Equal(t, "CHF (choice)", text, "the other process still has what it has read: the test can see a difference")
	_, text = ask(t, sessionctx.NewContext(t.Context(), second), client)
	require.Equal(t, "GBP (choice)", text)

	foreign := metadata.AppendToOutgoingContext(t.Context(), grpcctx.SessionIDKey, first.ID)
	_, text = ask(t, foreign, client)
	assert.Equal(t, "EUR (site.currency)", text, "metadata of an incoming call is not passed on by itself")
}

func TestClient_SessionThatHasEndedIsNoGuests(t *testing.T) {
	backend := new(sessiontest.Store)
	web, client := newResolver(t, backend), dial(t, newResolver(t, backend), nil)
	for _, tt := range []struct {
		desc string
		end  func(sessionctx.Request) error
	}{
		{"ended", func(req sessionctx.Request) error { return web.End(t.Context(), req) }},
		{"logged out", func(req sessionctx.Request) error { _, err := web.Logout(t.Context(), req); return err }},
		{"logged in", func(req sessionctx.Request) error { _, err := web.Login(t.Context(), req, "anna"); return err }},
	} {
		t.Run(tt.desc, func(t *testing.T) {
			guest := sessionctx.Request{Identity: sessionctx.Identity{Tenant: "myshop", Proof: sessionctx.BySecret}}
			s, err := web.Update(t.Context(), guest, sessionctx.Patch{Currency: sessionctx.Set("CHF")})
			require.NoError(t, err)
			guest.SessionID = s.ID
			require.NoError(t, tt.end(guest))
			code, text := ask(t, sessionctx.NewContext(t.Context(), s), client)
			assert.Equal(t, codes.NotFound, code)
			assert.Equal(t, sessionctx.ErrNotFound.Error(), text)
		})
	}
}

func TestServer_RevisionOfTheMetadata(t *testing.T) {
	r := newResolver(t, new(sessiontest.Store))
	asserted := sessionctx.Request{Identity: sessionctx.Identity{Tenant: "myshop", SessionID: "s-1", Proof: sessionctx.Asserted}}
	s, err := r.Update(t.Context(), asserted, sessionctx.Patch{Currency: sessionctx.Set("CHF")})
	require.NoError(t, err)
	rev := func(version int64) string { return fmt.Sprintf("%016x.%d", s.Revision().Incarnation, version) }
	server, err := grpcctx.New(grpcctx.Config{Resolver: r, Identify: identify})
	require.NoError(t, err)
	tests := []struct {
		desc, id  string
		revisions []string
		want      codes.Code
	}{
		{"the present one", "s-1", []string{rev(s.Version)}, codes.OK},
		{"none", "s-1", nil, codes.OK},
		{"one that is still to come", "s-1", []string{rev(s.Version + 1)}, codes.NotFound},
		{"one of another session does not count", "s-9", []string{rev(s.Version + 1)}, codes.OK},
		{"no number", "s-1", []string{rev(s.Version) + "x"}, codes.InvalidArgument},
		{"a version below 1", "s-1", []string{rev(0)}, codes.InvalidArgument},
		{"a short incarnation", "s-1", []string{"1.1"}, codes.InvalidArgument},
		{"no dot", "s-1", []string{"0000000000000001"}, codes.InvalidArgument},
		{"two", "s-1", []string{rev(s.Version), rev(s.Version)}, codes.InvalidArgument},
		{"an empty one", "s-1", []string{""}, codes.InvalidArgument},
	}
	for _, tt := range tests {
		t.Run(tt.desc, func(t *testing.T) {
			md := metadata.MD{"authorization": {"s-1"}, grpcctx.SessionIDKey: {tt.id}, grpcctx.RevisionKey: tt.revisions}
			_, err := server.Unary(metadata.NewIncomingContext(t.Context(), md), nil, &grpc.UnaryServerInfo{},
				func(ctx context.Context, _ any) (any, error) {
					s, _ := sessionctx.FromContext(ctx)
					assert.Equal(t, "CHF", s.Currency)
					return nil, nil
				})
			assert.Equal(t, tt.want, status.Code(err), err)
		})
	}
}

func TestStatus_CodeForEachError(t *testing.T) {
	wrapped := func(err error) error { return fmt.Errorf("host 10.0.0.7: %w", err) }
	tests := []struct {
		desc string
		err  error
		code codes.Code
		text string
	}{
		{"not found", wrapped(sessionctx.ErrNotFound), codes.NotFound, sessionctx.ErrNotFound.Error()},
		{"unknown tenant", wrapped(sessionctx.ErrUnknownTenant), codes.NotFound, sessionctx.ErrUnknownTenant.Error()},
		{"conflict", &sessionctx.ConflictError{}, codes.Aborted, sessionctx.ErrConflict.Error()},
		{"full", wrapped(sessionctx.ErrFull), codes.ResourceExhausted, sessionctx.ErrFull.Error()},
		{"unavailable", wrapped(sessionctx.ErrUnavailable), codes.Unavailable, sessionctx.ErrUnavailable.Error()},
		{"closed", sessionctx.ErrClosed, codes.Unavailable, sessionctx.ErrClosed.Error()},
		{
			"an outcome that nobody knows is nothing to repeat", errors.Join(sessionctx.ErrUnknownOutcome, sessionctx.ErrUnavailable),
			codes.Unknown, sessionctx.ErrUnknownOutcome.Error(),
		},
		{"a value", errors.Join(&defaults.Rejection{Field: defaults.FieldCurrency, Value: "JPY", Reason: defaults.ReasonNotOffered}), codes.InvalidArgument, "JPY"},
		{"a limit", &sessionctx.InputError{Field: "cartId", Rule: "is too long"}, codes.InvalidArgument, "cartId"},
		{"the caller has gone", wrapped(context.Canceled), codes.Canceled, context.Canceled.Error()},
		{"a status", status.Error(codes.PermissionDenied, "no"), codes.PermissionDenied, "no"},
		{"a status that is wrapped", fmt.Errorf("token: %w", status.Error(codes.Unauthenticated, "no")), codes.Unauthenticated, "no"},
		{
			"a store by gRPC leaves the outcome unknown", errors.Join(sessionctx.ErrUnknownOutcome, status.Error(codes.Unavailable, "10.0.0.7 closed the connection")),
			codes.Unknown, sessionctx.ErrUnknownOutcome.Error(),
		},
		{
			"a directory by gRPC refuses this server", errors.Join(sessionctx.ErrUnavailable, status.Error(codes.Unauthenticated, "token of 10.0.0.7")),
			codes.Unavailable, sessionctx.ErrUnavailable.Error(),
		},
		{"anything else", errors.New("10.0.0.7"), codes.Internal, "grpcctx: internal error"},
	}
	for _, tt := range tests {
		t.Run(tt.desc, func(t *testing.T) {
			got := status.Convert(grpcctx.Status(tt.err))
			assert.Equal(t, tt.code, got.Code())
			assert.Contains(t, got.Message(), tt.text)
			assert.NotContains(t, got.Message(), "10.0.0.7")
		})
	}
	assert.NoError(t, grpcctx.Status(nil))
}

func TestNew_ReportsEveryMistake(t *testing.T) {
	_, err := grpcctx.New(grpcctx.Config{})
	require.ErrorContains(t, err, "Resolver")
	require.ErrorContains(t, err, "Identify")
}
