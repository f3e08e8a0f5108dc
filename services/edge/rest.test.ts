import test from "ava";
import {
  hasBegun,
  isCancelled,
  type SendOptions,
  send,
  startEchoEdge,
  whenBegun,
  whenCancelled,
} from "./testdata/echo-edge.ts";

const edge = await startEchoEdge();
test.after.always(() => edge.stop());

async function call(verb: string, path: string, options: SendOptions = {}) {
  const response = await send(edge.url, verb, path, options);
  const body = (await response.json()) as Record<string, unknown> & { data: Record<string, unknown> };
  return { status: response.status, headers: response.headers, body };
}

test("a success is in the envelope, with the method's message, status and answer", async (t) => {
  const { status, headers, body } = await call("POST", "/echo/17", { body: { everything: { text: "a" } } });
  t.is(status, 201);
  t.is(headers.get("content-type"), "application/json; charset=utf-8");
  t.deepEqual(Object.keys(body), ["success", "message", "data"]);
  t.is(body.success, true);
  t.is(body.message, 'Echoed "it"');
  t.is(body.data.text, "a");
});

test("a success that has nothing to say has null for data", async (t) => {
  const { status, body } = await call("DELETE", "/members/me/things", { token: "user-17" });
  t.is(status, 200);
  t.deepEqual(body as object, { success: true, message: "Cleared", data: null });
});

test("a list has its items for data, and where the page stands in meta", async (t) => {
  const { body } = await call("GET", "/things?ids=1");
  t.true(Array.isArray(body.data));
  t.deepEqual(body.meta, { current_page: 1, per_page: 20, total: 1, last_page: 1, next_cursor: null });
});

test("an additional binding answers as it says itself", async (t) => {
  const { body } = await call("POST", "/things/search", { body: { ids: [1] } });
  t.deepEqual(Object.keys(body.data), ["things", "page_info"]);
});

test("a bare answer has no envelope, and the media type that its method says", async (t) => {
  const response = await send(edge.url, "GET", "/.well-known/bare");
  t.regex(response.headers.get("content-type") ?? "", /^application\/bare\+json/);
  t.is(await response.text(), '{"names":["a"]}');
});

test("a GET can be a HEAD", async (t) => {
  const response = await send(edge.url, "HEAD", "/things");
  t.is(response.status, 200);
  t.is(await response.text(), "");
});

test("a HEAD is nobody who waits for news, nor is told them", async (t) => {
  const headers = { "x-request-id": "head-for-news" };
  const response = await send(edge.url, "HEAD", "/call/news", { headers });
  t.is(response.status, 404);
  t.is(await response.text(), "");
  t.false(hasBegun(headers["x-request-id"]));
});

const failures: readonly [kind: string, status: number, headers?: Record<string, string>][] = [
  ["invalid", 422],
  ["unauthenticated", 401, { "www-authenticate": "Bearer" }],
  ["forbidden", 403],
  ["not_found", 404],
  ["rule", 400],
  ["too_many", 429, { "retry-after": "7" }],
  ["unavailable", 503, { "retry-after": "7" }],
];

for (const [kind, expected, expectedHeaders = {}] of failures) {
  test(`a refusal that is ${kind} is ${expected}`, async (t) => {
    const { status, headers, body } = await call("POST", `/failures/${kind}`);
    const { errors, ...rest } = body;
    t.is(status, expected);
    t.deepEqual(rest as object, {
      success: false,
      message: "Refused, for a test",
      code: "TEST_REFUSAL",
      request_id: headers.get("x-request-id"),
    });
    for (const [name, value] of Object.entries(expectedHeaders)) t.is(headers.get(name), value);
    t.deepEqual(errors, kind === "invalid" ? { "items.0.name": ["Bad.", "Too bad."], how: ["Wrong."] } : undefined);
  });
}

test("the replay of a refusal has the id of the request that was first refused", async (t) => {
  const { status, headers, body } = await call("POST", "/failures/conflict");
  t.is(status, 409);
  t.is(body.request_id, "the-first-request");
  t.not(headers.get("x-request-id"), "the-first-request");
});

test("a failure that nobody expected is a 500 that says nothing, and is logged with the request's id", async (t) => {
  const { status, headers, body } = await call("GET", "/failures/by-surprise");
  const requestId = headers.get("x-request-id");
  t.is(status, 500);
  t.deepEqual(body as object, {
    success: false,
    message: "Internal server error",
    code: "INTERNAL",
    request_id: requestId,
  });
  const logged = edge.lines.find((line) => line.requestId === requestId && line.err);
  t.like(logged, { err: { message: "Oops" } });
});

for (const [verb, path] of [
  ["GET", "/nothing"],
  ["POST", "/nothing"],
  ["PUT", "/things"],
  ["GET", "/echo/%zz"],
  ["GET", `/kinds/a/things/${"a".repeat(2_000)}/all.json`],
  ["POST", "/echo.v1.InternalService/Hide"],
] as const) {
  test(`${verb} ${path.slice(0, 40)} is 404 ROUTE_NOT_FOUND`, async (t) => {
    const { status, headers, body } = await call(verb, path, verb === "GET" ? {} : { body: "{" });
    t.is(status, 404);
    t.is(body.code, "ROUTE_NOT_FOUND");
    t.is(body.request_id, headers.get("x-request-id"));
  });
}

test("a request keeps the id that it came with", async (t) => {
  const { headers, body } = await call("PUT", "/call", { body: {}, headers: { "x-request-id": "my.request_1-2" } });
  t.is(headers.get("x-request-id"), "my.request_1-2");
  t.is(body.data.request_id, "my.request_1-2");
});

for (const id of ["", "a b", "a/b", "a".repeat(129)]) {
  test(`a request that came with the id "${id.slice(0, 10)}" (${id.length}) gets another`, async (t) => {
    const response = await send(edge.url, "GET", "/things", { headers: { "x-request-id": id } });
    t.regex(response.headers.get("x-request-id") ?? "", /^[0-9a-f-]{36}$/);
  });
}

test("the handler knows who calls, from where, with which key and for how long", async (t) => {
  const { body } = await call("PUT", "/call", {
    token: "vendor-12",
    body: {},
    headers: { "Idempotency-Key": "key 1", "Connect-Timeout-Ms": "5" },
  });
  const { remaining_ms, ...rest } = body.data;
  t.deepEqual(rest, {
    caller: { user_id: 12, role: "vendor", vendor_id: 0, session_id: 0, address: "127.0.0.1", username: "vendor" },
    request_id: rest.request_id,
    idempotency_key: "key 1",
  });
  t.true((remaining_ms as number) > 5 && (remaining_ms as number) <= 10_000);
});

test("a call that waits for news is given as long as its RPC says", async (t) => {
  const { body } = await call("GET", "/call/news");
  const remaining = body.data.remaining_ms as number;
  t.true(remaining > 38_000 && remaining <= 40_000);
});

test("a caller without a token is nobody, with an address", async (t) => {
  const { body } = await call("PUT", "/call", { body: {} });
  const { user_id, role, address } = body.data.caller as Record<string, unknown>;
  t.deepEqual({ user_id, role, address }, { user_id: 0, role: null, address: "127.0.0.1" });
});

for (const authorization of ["Bearer bad", "Bearer", "Bearer  ", "Basic dTpw", "user-17", "Bearer user-17 x"]) {
  test(`"Authorization: ${authorization}" is 401, even where no token is needed`, async (t) => {
    const { status, headers, body } = await call("GET", "/things", { headers: { authorization } });
    t.is(status, 401);
    t.is(body.code, "UNAUTHENTICATED");
    t.is(headers.get("www-authenticate"), "Bearer");
  });
}

const access: readonly [token: string | undefined, path: string, status: number][] = [
  [undefined, "/members/me/things", 401],
  ["vendor-17", "/members/me/things", 403],
  ["user-17", "/members/me/things", 200],
  ["user-17", "/members/17/things", 200],
  ["user-17", "/members/18/things", 404],
  ["user-17", "/members/eighteen/things", 422],
  ["admin-1", "/members/18/things", 200],
  ["super_admin-1", "/members/18/things", 200],
];

for (const [token, path, expected] of access) {
  test(`DELETE ${path} by ${token ?? "nobody"} is ${expected}`, async (t) => {
    t.is((await call("DELETE", path, token ? { token } : {})).status, expected);
  });
}

test("who may not call is told so before anything of the body is read", async (t) => {
  const { status } = await call("POST", "/uploads/a", { token: "user-17", body: "{" });
  t.is(status, 403);
});

test("another member's path is refused before what is wrong with the request is told", async (t) => {
  const { status } = await call("DELETE", "/members/18/things?names=%00", { token: "user-17" });
  t.is(status, 404);
});

for (const key of ["", "a".repeat(256), "tab\tbed", "é"]) {
  test(`the Idempotency-Key "${key.slice(0, 8)}" (${key.length}) is 422`, async (t) => {
    const { status, body } = await call("PUT", "/call", { body: {}, headers: { "Idempotency-Key": key } });
    t.is(status, 422);
    t.deepEqual(Object.keys(body.errors as object), ["Idempotency-Key"]);
  });
}

test("reads have no use for an Idempotency-Key, whatever it is", async (t) => {
  t.is((await call("GET", "/things", { headers: { "Idempotency-Key": "" } })).status, 200);
  t.is((await call("POST", "/things/search", { body: {}, headers: { "Idempotency-Key": "é" } })).status, 200);
});

test("a call is cancelled when its client goes away", async (t) => {
  const gone = new AbortController();
  const requestId = "gone-before-the-answer";
  const answer = send(edge.url, "PUT", "/call", {
    body: { wait_ms: 5_000 },
    headers: { "x-request-id": requestId },
    signal: gone.signal,
  });
  await whenBegun(requestId);
  gone.abort();
  await t.throwsAsync(answer, { name: "AbortError" });
  await whenCancelled(requestId);
});

test("a call that is answered is not cancelled", async (t) => {
  await call("PUT", "/call", { body: {}, headers: { "x-request-id": "answered" } });
  t.false(isCancelled("answered"));
});

test("each request is logged with its route, and never with what was asked for", async (t) => {
  const { headers } = await call("GET", "/kinds/small_thing/things/secret/all.json?name=secret&page=x");
  const line = edge.lines.find(({ requestId }) => requestId === headers.get("x-request-id"));
  const { level, method, route, status } = line ?? {};
  t.deepEqual(
    { level, method, route, status },
    { level: 30, method: "GET", route: "/kinds/:kind/things/:name/all.json", status: 422 },
  );
  t.false(JSON.stringify(edge.lines).includes("secret"));
});

test("browsers of any origin may call, and read what they need", async (t) => {
  const preflight = await send(edge.url, "OPTIONS", "/members/me/things", {
    headers: {
      origin: "https://shop.example",
      "access-control-request-method": "DELETE",
      "access-control-request-headers": "authorization,idempotency-key",
    },
  });
  t.is(preflight.status, 204);
  t.is(preflight.headers.get("access-control-allow-origin"), "*");
  t.regex(preflight.headers.get("access-control-allow-methods") ?? "", /DELETE/);
  t.is(preflight.headers.get("access-control-allow-headers"), "authorization,idempotency-key");

  const { headers } = await call("DELETE", "/members/me/things", { headers: { origin: "https://shop.example" } });
  t.is(headers.get("access-control-allow-origin"), "*");
  t.regex(headers.get("access-control-expose-headers") ?? "", /Retry-After, X-Request-Id/);
});

test("who is no browser is spared what is for browsers, but where the answer may be kept for one", async (t) => {
  const allowed = async (path: string) =>
    (await send(edge.url, "GET", path)).headers.get("access-control-allow-origin");
  t.is(await allowed("/things"), null);
  t.is(await allowed("/pictures/kept"), "*");
});

test("answers tell browsers to run and keep nothing", async (t) => {
  const { headers } = await call("GET", "/things");
  t.regex(headers.get("content-security-policy") ?? "", /default-src 'none'/);
  t.is(headers.get("x-content-type-options"), "nosniff");
  t.is(headers.get("referrer-policy"), "no-referrer");
  t.is(headers.get("cache-control"), "no-store");
});
