// grpc-go's server and client of framescope.Echo, without generated code.
//
// usage: main server             serves on a free port of loopback, told on the first line of standard output
//
//	main client HOST:PORT   plays every case; a line for each that holds
//	main version            tells the version of grpc-go
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/golang/protobuf/proto"
	"github.com/golang/protobuf/ptypes"
	"github.com/golang/protobuf/ptypes/any"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	_ "google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Message is framescope.EchoMessage. Its text is the one field that SearchRequest and SearchResponse have.
type Message struct {
	Text    string `protobuf:"bytes,1,opt,name=text,proto3"`
	Payload []byte `protobuf:"bytes,2,opt,name=payload,proto3"`
	Number  int64  `protobuf:"varint,3,opt,name=number,proto3"`
}

func (m *Message) Reset()         { *m = Message{} }
func (m *Message) String() string { return proto.CompactTextString(m) }
func (*Message) ProtoMessage()    {}

const service = "/framescope.Echo/"

// The message that a call's status is to have.
func words(code int) string { return fmt.Sprintf("status %d: 100 %% as asked", code) }

// What Search says.
const notHere = "not here: \u2713 100 %"

// The server.

type asked struct{ metadata.MD }

func begin(ctx context.Context) asked {
	incoming, _ := metadata.FromIncomingContext(ctx)
	return asked{incoming}
}

// back gives what comes back as it came.
func (a asked) back(prefix string) metadata.MD {
	found := metadata.MD{}
	for name, values := range a.MD {
		if strings.HasPrefix(name, prefix) {
			found[name] = values
		}
	}
	return found
}

func (a asked) number(name string) int {
	values := a.Get(name)
	if len(values) == 0 {
		return 0
	}
	number, _ := strconv.Atoi(values[0])
	return number
}

func (a asked) work(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	case <-time.After(time.Duration(a.number("work-ms")) * time.Millisecond):
		return nil
	}
}

func (a asked) end() error {
	code := a.number("echo-status")
	if code == 0 {
		return nil
	}
	return status.Error(codes.Code(code), strings.Join(a.Get("echo-message"), ""))
}

func unary(_ interface{}, ctx context.Context, decode func(interface{}) error, _ grpc.UnaryServerInterceptor) (interface{}, error) {
	request, a := new(Message), begin(ctx)
	if err := decode(request); err != nil {
		return nil, err
	}
	if err := grpc.SendHeader(ctx, a.back("echo-header-")); err != nil {
		return nil, err
	}
	if err := grpc.SetTrailer(ctx, a.back("echo-trailer-")); err != nil {
		return nil, err
	}
	if err := a.work(ctx); err != nil {
		return nil, err
	}
	return request, a.end()
}

func search(_ interface{}, ctx context.Context, decode func(interface{}) error, _ grpc.UnaryServerInterceptor) (interface{}, error) {
	if err := decode(new(Message)); err != nil {
		return nil, err
	}
	detail, err := ptypes.MarshalAny(&errdetails.ErrorInfo{Reason: "ASKED", Domain: "interop"})
	if err != nil {
		return nil, err
	}
	return nil, status.ErrorProto(&spb.Status{Code: 5, Message: notHere, Details: []*any.Any{detail}})
}

func stream(_ interface{}, stream grpc.ServerStream) error {
	a := begin(stream.Context())
	if err := stream.SendHeader(a.back("echo-header-")); err != nil {
		return err
	}
	stream.SetTrailer(a.back("echo-trailer-"))
	method, _ := grpc.MethodFromServerStream(stream)
	last := new(Message)
	answer := func() error {
		if err := a.work(stream.Context()); err != nil {
			return err
		}
		return stream.SendMsg(last)
	}
	for {
		request := new(Message)
		err := stream.RecvMsg(request)
		if err == io.EOF {
			break
		} else if err != nil {
			return err
		}
		last = request
		count := 1
		if method == service+"ClientStream" {
			count = 0
		} else if asked := a.number("echo-count"); asked > 0 {
			count = asked
		}
		for ; count > 0; count-- {
			if err := answer(); err != nil {
				return err
			}
		}
	}
	if err := a.end(); err != nil || method != service+"ClientStream" {
		return err
	}
	return answer()
}

func serve() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	server := grpc.NewServer()
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "framescope.Echo",
		HandlerType: (*interface{})(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "Unary", Handler: unary}},
		Streams: []grpc.StreamDesc{
			{StreamName: "ServerStream", Handler: stream, ServerStreams: true},
			{StreamName: "ClientStream", Handler: stream, ClientStreams: true},
			{StreamName: "Bidi", Handler: stream, ServerStreams: true, ClientStreams: true},
		},
	}, struct{}{})
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "proto.SearchService",
		HandlerType: (*interface{})(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "Search", Handler: search}},
	}, struct{}{})
	fmt.Printf("listening on %s\n", listener.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		server.Stop()
	}()
	check(server.Serve(listener))
}

// The client.

type client struct{ *grpc.ClientConn }

func within(duration time.Duration, pairs ...string) context.Context {
	ctx, _ := context.WithTimeout(metadata.AppendToOutgoingContext(context.Background(), pairs...), duration)
	return ctx
}

func (c client) unary(ctx context.Context, message *Message, options ...grpc.CallOption) (*Message, error) {
	answer := new(Message)
	err := c.Invoke(ctx, service+"Unary", message, answer, options...)
	return answer, err
}

func (c client) stream(ctx context.Context, method string) grpc.ClientStream {
	stream, err := c.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, service+method)
	check(err)
	return stream
}

func cases(address string) {
	connection, err := grpc.Dial(address, grpc.WithInsecure(), grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(8<<20)))
	check(err)
	defer connection.Close()
	c := client{connection}
	message := &Message{Text: "caf\u00e9", Payload: []byte{0, 255}, Number: -7}

	answer, err := c.unary(within(60*time.Second), message)
	check(err)
	expect("unary", answer, message)
	fmt.Println("unary")

	stream := c.stream(within(60*time.Second, "echo-count", "7"), "ServerStream")
	check(stream.SendMsg(message))
	check(stream.CloseSend())
	for n := 0; n < 7; n++ {
		check(stream.RecvMsg(answer))
		expect("server stream", answer, message)
	}
	expect("its end", stream.RecvMsg(answer), io.EOF)
	fmt.Println("server-streaming")

	stream = c.stream(within(60*time.Second), "ClientStream")
	for n := int64(0); n < 6; n++ {
		check(stream.SendMsg(&Message{Number: n}))
	}
	check(stream.CloseSend())
	check(stream.RecvMsg(answer))
	expect("client stream", answer, &Message{Number: 5})
	expect("its end", stream.RecvMsg(answer), io.EOF)
	fmt.Println("client-streaming")

	stream = c.stream(within(60*time.Second), "Bidi")
	for n := int64(0); n < 20; n++ {
		check(stream.SendMsg(&Message{Number: n}))
		check(stream.RecvMsg(answer))
		expect("bidi", answer, &Message{Number: n})
	}
	check(stream.CloseSend())
	expect("its end", stream.RecvMsg(answer), io.EOF)
	fmt.Println("bidi")

	var octets []byte
	for n := 0; n < 256; n++ {
		octets = append(octets, byte(n))
	}
	sent := func(where string) metadata.MD {
		return metadata.Pairs("echo-"+where+"-text", "a b, c", "echo-"+where+"-bin", string(octets), "echo-"+where+"-text", "again")
	}
	var first, last metadata.MD
	both := metadata.NewOutgoingContext(within(60*time.Second), metadata.Join(sent("header"), sent("trailer")))
	_, err = c.unary(both, message, grpc.Header(&first), grpc.Trailer(&last))
	check(err)
	for name, values := range sent("header") {
		expect("initial metadata", first.Get(name), values)
	}
	for name, values := range sent("trailer") {
		expect("trailing metadata", last.Get(name), values)
	}
	fmt.Println("metadata")

	text := &Message{Text: strings.Repeat("gzip ", 2000)}
	answer, err = c.unary(within(60*time.Second, "echo-gzip", "1"), text, grpc.UseCompressor("gzip"))
	check(err)
	expect("gzip", answer, text)
	fmt.Println("gzip")

	for code := 1; code <= 16; code++ {
		_, err = c.unary(within(60*time.Second, "echo-status", strconv.Itoa(code), "echo-message", words(code)), message)
		expect("status", []string{status.Code(err).String(), status.Convert(err).Message()}, []string{codes.Code(code).String(), words(code)})
	}
	err = c.Invoke(within(60*time.Second), "/proto.SearchService/Search", message, answer)
	expect("status with details", []string{status.Code(err).String(), status.Convert(err).Message()}, []string{codes.NotFound.String(), notHere})
	detail, ok := status.Convert(err).Details()[0].(*errdetails.ErrorInfo)
	expect("details", ok && detail.Reason == "ASKED", true)
	for _, path := range []string{service + "Nothing", "/no.Such/Method"} {
		expect("unknown method", status.Code(c.Invoke(within(60*time.Second), path, message, answer)), codes.Unimplemented)
	}
	fmt.Println("errors")

	before := time.Now()
	_, err = c.unary(within(200*time.Millisecond, "work-ms", "30000"), message)
	expect("deadline", status.Code(err), codes.DeadlineExceeded)
	expect("the deadline kept", time.Since(before) < 25*time.Second, true)
	fmt.Println("deadline")

	large := &Message{Payload: bytes.Repeat(octets, 4096)}
	answer, err = c.unary(within(60*time.Second), large)
	check(err)
	expect("1 MiB", bytes.Equal(answer.Payload, large.Payload), true)
	fmt.Println("1 MiB")

	var group sync.WaitGroup
	for n := int64(0); n < 100; n++ {
		group.Add(1)
		go func(n int64) {
			defer group.Done()
			answer, err := c.unary(within(60*time.Second, "work-ms", "20"), &Message{Number: n})
			check(err)
			expect("100 at once", answer.Number, n)
		}(n)
	}
	group.Wait()
	fmt.Println("100 at once")
}

func expect(what string, found, wanted interface{}) {
	if !reflect.DeepEqual(found, wanted) {
		fmt.Fprintf(os.Stderr, "%s: %v instead of %v\n", what, found, wanted)
		os.Exit(1)
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	switch {
	case len(os.Args) == 2 && os.Args[1] == "server":
		serve()
	case len(os.Args) == 3 && os.Args[1] == "client":
		cases(os.Args[2])
	case len(os.Args) == 2 && os.Args[1] == "version":
		fmt.Println(grpc.Version)
	default:
		fmt.Fprintln(os.Stderr, "usage: main server | client HOST:PORT | version")
		os.Exit(2)
	}
}
