import { once } from "node:events";
import { connect } from "node:net";
import { fromBinary } from "@bufbuild/protobuf";
import test from "ava";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { send, startEchoEdge } from "./testdata/echo-edge.ts";

const edge = await startEchoEdge();
test.after.always(() => edge.stop());

/** What breaks protobuf: a field that is longer than what is left. */
const broken = Uint8Array.of(0x0a, 0x7f, 0x01);

/** A message in an envelope, which is how streams and gRPC-Web have it. */
const enveloped = (message: Uint8Array) => Uint8Array.of(0, 0, 0, 0, message.length, ...message);

test("Connect binary that is not protobuf is the client's fault, with the details that gRPC has", async (t) => {
  const headers = { "content-type": "application/proto" };
  const response = await send(edge.url, "POST", "/echo.v1.EchoService/Echo", { body: broken, headers });
  t.is(response.status, 400);
  const body = await connectErrorIn(response);
  t.like(body, { code: "invalid_argument", message: "The request is not a echo.v1.EchoRequest" });
  t.is(reasonIn(body), "MALFORMED_REQUEST");
});

test("a stream's Connect binary that is not protobuf is the client's fault too", async (t) => {
  const headers = { "content-type": "application/connect+proto" };
  const options = { body: enveloped(broken), headers, token: "user-17" };
  const response = await send(edge.url, "POST", "/echo.v1.EchoService/Watch", options);
  const { error } = JSON.parse((await response.text()).slice(5));
  t.is(error.code, "invalid_argument");
  t.is(reasonIn(error), "MALFORMED_REQUEST");
});

test("gRPC-Web that is not protobuf is the client's fault too", async (t) => {
  const headers = { "content-type": "application/grpc-web+proto" };
  const response = await send(edge.url, "POST", "/echo.v1.EchoService/Echo", { body: enveloped(broken), headers });
  const trailer = await response.text();
  t.regex(trailer, /grpc-status: 3\r\n/);
  const [, details = ""] = /grpc-status-details-bin: ([^\r]+)/.exec(trailer) ?? [];
  t.regex(Buffer.from(details, "base64").toString("latin1"), /MALFORMED_REQUEST.*giftmesh/s);
});

for (const { title, verb = "POST", path = "Echo", body, headers = {}, status, code, reason } of [
  { title: "a PUT", verb: "PUT", status: 405, code: "failed_precondition", reason: "METHOD_NOT_ALLOWED" },
  {
    title: "a GET of what has an effect",
    verb: "GET",
    status: 405,
    code: "failed_precondition",
    reason: "METHOD_NOT_ALLOWED",
  },
  { title: "a body of no media type", status: 415, code: "failed_precondition", reason: "UNSUPPORTED_MEDIA_TYPE" },
  {
    title: "a body of text",
    headers: { "content-type": "text/plain" },
    body: new Uint8Array(2),
    status: 415,
    code: "failed_precondition",
    reason: "UNSUPPORTED_MEDIA_TYPE",
  },
  {
    title: "a unary call of a stream",
    path: "Watch",
    headers: { "content-type": "application/proto" },
    body: new Uint8Array(),
    status: 415,
    code: "failed_precondition",
    reason: "UNSUPPORTED_MEDIA_TYPE",
  },
  {
    title: "a compression that nobody knows",
    headers: { "content-type": "application/proto", "content-encoding": "shrink" },
    body: new Uint8Array(2),
    status: 501,
    code: "unimplemented",
    reason: "UNIMPLEMENTED",
  },
  {
    title: "what is not compressed as it says",
    headers: { "content-type": "application/proto", "content-encoding": "gzip" },
    body: new Uint8Array(2),
    status: 400,
    code: "invalid_argument",
    reason: "MALFORMED_REQUEST",
  },
]) {
  test(`${title} on a Connect route is ${status} with a Connect error that says ${reason}`, async (t) => {
    const response = await send(edge.url, verb, `/echo.v1.EchoService/${path}`, { ...(body && { body }), headers });
    t.is(response.status, status);
    if (status === 405) t.is(response.headers.get("allow"), "POST");
    t.regex(response.headers.get("content-type") ?? "", /^application\/json/);
    const error = await connectErrorIn(response);
    t.is(error.code, code);
    t.is(reasonIn(error), reason);
  });
}

test("a Connect call whose host makes no URL is refused", async (t) => {
  const socket = connect(Number(edge.url.port), "127.0.0.1");
  socket.write("POST /echo.v1.EchoService/Echo HTTP/1.1\r\nhost: [\r\ncontent-type: application/proto\r\n\r\n");
  const [answer] = await once(socket, "data");
  t.regex(String(answer), /^HTTP\/1\.1 400 /);
  socket.destroy();
});

interface ConnectErrorBody {
  readonly code: string;
  readonly message: string;
  readonly details?: readonly { readonly type: string; readonly value: string }[];
}

async function connectErrorIn(response: Response): Promise<ConnectErrorBody> {
  return (await response.json()) as ConnectErrorBody;
}

/** The reason in the ErrorInfo of a Connect error in JSON. */
function reasonIn({ details }: ConnectErrorBody): string | undefined {
  const info = details?.find(({ type }) => type === "google.rpc.ErrorInfo");
  return info && fromBinary(ErrorInfoSchema, Buffer.from(info.value, "base64")).reason;
}
