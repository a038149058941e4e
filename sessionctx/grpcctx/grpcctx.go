// Package grpcctx attaches sessions to gRPC calls: interceptors of a server resolve the session of
// a call, so that sessionctx.FromContext works in its handlers, and interceptors of a client pass
// the session on to the next server.
//
// What travels is the session id and the revision, in the metadata [SessionIDKey] and
// [RevisionKey]. With the revision the next server sees every write that the caller has seen: see
// sessionctx.Request.AtLeast. The values do not travel: each server resolves them. Package
// middleware/downstream, for HTTP, sends the session with its values, signed.
//
// Security: a session id by secret is a credential. Give the interceptors of the client only to
// connections to your own servers, over TLS. A server must not believe SessionIDKey of just
// anybody: Config.Identify decides, by a bearer token, a signature, or the certificate of the peer.
package grpcctx

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
)

// The keys of the metadata.
const (
	// SessionIDKey is the session id. The suffix says that any bytes may be in it; package metadata
	// encodes and decodes them.
	SessionIDKey = "session-context-id-bin"
	// RevisionKey is the revision of the session's record that the caller has seen:
	// "incarnation.version", 16 hexadecimal digits and a decimal number.
	RevisionKey = "session-context-revision"
)

// Config configures a Server. New never writes to it.
type Config struct {
	_ [0]func()

	// Resolver resolves the sessions. Required. The caller owns its life.
	Resolver *sessionctx.Resolver
	// Identify says who is asking, from the metadata of the call or from its peer: see
	// metadata.FromIncomingContext and package peer. Required. A guest is a Request with a tenant
	// and nothing else. The Request may also have a site and hints.
	//
	// If AtLeast is zero, and SessionIDKey is the SessionID of the Request, AtLeast is taken from
	// RevisionKey. That needs no trust: a wrong revision harms only its sender. With AtLeast a
	// session by secret that has ended is NotFound, and no guest.
	//
	// An error ends the call: see Status. Return a status, such as codes.Unauthenticated, for a
	// token that is not good. It is safe for concurrent use by multiple goroutines.
	Identify func(ctx context.Context) (sessionctx.Request, error)
	// Skip says which methods, such as "/grpc.health.v1.Health/Check", are called without a session
	// in their context. Default: none.
	Skip func(fullMethod string) bool
}

// Server has the interceptors of a server. It is safe for concurrent use by multiple goroutines.
type Server struct{ cfg Config }

// New returns a Server. An error joins one *sessionctx.ConfigError per mistake.
func New(cfg Config) (*Server, error) {
	var errs []error
	if cfg.Resolver == nil {
		errs = append(errs, &sessionctx.ConfigError{Field: "grpcctx.Config.Resolver", Rule: "is required"})
	}
	if cfg.Identify == nil {
		errs = append(errs, &sessionctx.ConfigError{Field: "grpcctx.Config.Identify", Rule: "is required"})
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return &Server{cfg}, nil
}

// Unary is a grpc.UnaryServerInterceptor. Put it before interceptors that log or count by session.
func (s *Server) Unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	ctx, err := s.attach(ctx, info.FullMethod)
	if err != nil {
		return nil, err
	}
	return handler(ctx, req)
}

// Stream is a grpc.StreamServerInterceptor. The session in the context of the stream is the one
// from its beginning: a handler that lives long asks the Resolver again.
func (s *Server) Stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	ctx, err := s.attach(stream.Context(), info.FullMethod)
	if err != nil {
		return err
	}
	return handler(srv, &attachedStream{stream, ctx})
}

type attachedStream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *attachedStream) Context() context.Context { return s.ctx }

func (s *Server) attach(ctx context.Context, method string) (context.Context, error) {
	if s.cfg.Skip != nil && s.cfg.Skip(method) {
		return ctx, nil
	}
	req, err := s.cfg.Identify(ctx)
	if err != nil {
		return nil, Status(err)
	}
	if req.AtLeast == (sessionctx.Revision{}) {
		if req.AtLeast, err = passedOn(ctx, req.SessionID); err != nil {
			return nil, status.Error(codes.InvalidArgument, err.Error())
		}
	}
	attached, _, err := s.cfg.Resolver.Attach(ctx, req)
	if err == nil && req.SessionID != "" && req.AtLeast != (sessionctx.Revision{}) {
		// The id of a cookie that has ended shows a guest. The caller has spoken of a session.
		if now, _ := sessionctx.FromContext(attached); now.ID != req.SessionID {
			err = sessionctx.ErrNotFound
		}
	}
	if err != nil {
		return nil, Status(err)
	}
	return attached, nil
}

// passedOn returns the revision that the metadata of a call has for the session.
func passedOn(ctx context.Context, sessionID string) (rev sessionctx.Revision, err error) {
	md, _ := metadata.FromIncomingContext(ctx)
	ids, revisions := md.Get(SessionIDKey), md.Get(RevisionKey)
	if len(ids) != 1 || len(revisions) == 0 || sessionID == "" || ids[0] != sessionID {
		return rev, nil
	}
	if len(revisions) == 1 && rev.UnmarshalText([]byte(revisions[0])) == nil && rev != (sessionctx.Revision{}) {
		return rev, nil
	}
	return sessionctx.Revision{}, fmt.Errorf("grpcctx: metadata %q is %.64q: it must be one revision, 16 hexadecimal digits, a dot and a number above 0",
		RevisionKey, strings.Join(revisions, ", "))
}

// UnaryClient is a grpc.UnaryClientInterceptor that passes on the session in the context of a call.
// Without a session, or with one that has no id, the call has neither SessionIDKey nor RevisionKey.
//
// After a write, put what Update returned into the context, by sessionctx.NewContext: else the next
// server may not see the write.
func UnaryClient(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	return invoke(passOn(ctx), method, req, reply, conn, opts...)
}

// StreamClient is a grpc.StreamClientInterceptor that does the same as UnaryClient.
func StreamClient(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	return open(passOn(ctx), desc, conn, method, opts...)
}

func passOn(ctx context.Context) context.Context {
	md, _ := metadata.FromOutgoingContext(ctx) // a copy
	if md == nil {
		md = metadata.MD{}
	}
	md.Delete(SessionIDKey)
	md.Delete(RevisionKey)
	if s, _ := sessionctx.FromContext(ctx); s.ID != "" {
		md.Set(SessionIDKey, s.ID)
		if rev := s.Revision(); rev.Version > 0 {
			md.Set(RevisionKey, rev.String())
		}
	}
	return metadata.NewOutgoingContext(ctx, md)
}

// states are the errors on which a caller branches. Their own texts are sent, never those of what
// wraps them, which are for the log of this server.
var states = []struct {
	err  error
	code codes.Code
}{
	{sessionctx.ErrUnknownOutcome, codes.Unknown}, // never Unavailable, after which clients repeat the call
	{sessionctx.ErrNotFound, codes.NotFound},
	{sessionctx.ErrUnknownTenant, codes.NotFound},
	{sessionctx.ErrConflict, codes.Aborted},
	{sessionctx.ErrFull, codes.ResourceExhausted},
	{sessionctx.ErrUnavailable, codes.Unavailable},
	{sessionctx.ErrClosed, codes.Unavailable},
	{context.Canceled, codes.Canceled},
	{context.DeadlineExceeded, codes.DeadlineExceeded},
}

// Status returns the gRPC status for an error of a Resolver; the interceptors answer with it, and
// handlers can, after an Update.
//
//   - nil and a status stay as they are.
//   - *defaults.Rejection and *sessionctx.InputError: InvalidArgument, with their texts.
//   - ErrConflict: Aborted. ErrNotFound, ErrUnknownTenant: NotFound. ErrFull: ResourceExhausted.
//   - ErrUnavailable, ErrClosed: Unavailable. ErrUnknownOutcome: Unknown.
//   - The end of a context: Canceled, DeadlineExceeded.
//   - Anything else: Internal, without the text.
func Status(err error) error {
	if err == nil {
		return nil
	}
	// A Store or a Directory may be another gRPC server. The status that an error of the Resolver
	// wraps is not that of this call.
	if s, ok := err.(interface{ GRPCStatus() *status.Status }); ok && s.GRPCStatus() != nil {
		return s.GRPCStatus().Err()
	}
	var invalid *defaults.Rejection
	var limit *sessionctx.InputError
	if errors.As(err, &invalid) || errors.As(err, &limit) {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	for _, s := range states {
		if errors.Is(err, s.err) {
			return status.Error(s.code, s.err.Error())
		}
	}
	if s, ok := status.FromError(err); ok { // Identify has wrapped it
		return s.Err()
	}
	return status.Error(codes.Internal, "grpcctx: internal error")
}
