import { createHash } from "node:crypto";
import test from "ava";
import { send, startEchoEdge } from "./testdata/echo-edge.ts";

const edge = await startEchoEdge();
test.after.always(() => edge.stop());

async function upload(body: FormData | string | object, headers: Record<string, string> = {}) {
  const response = await send(edge.url, "POST", "/uploads/here", { token: "admin-1", body, headers });
  const answer = (await response.json()) as {
    readonly data: Record<string, unknown>;
    readonly code?: string;
    readonly errors?: Record<string, string[]>;
  };
  return { status: response.status, ...answer };
}

function file(length: number, fill = 7): Blob {
  return new Blob([new Uint8Array(length).fill(fill)]);
}

test("a form's files are bytes fields and its texts the others, by either of their names", async (t) => {
  const form = new FormData();
  form.set("frontImage", file(1_500_000), "../../etc/passwd");
  form.set("back_image", file(10));
  form.set("title", "A title");
  form.set("is_active", "1");
  form.append("tags", "a");
  form.append("tags", "b");
  form.append("others", file(1));
  form.append("others", file(2));
  form.set("unknown", "text");
  form.set("unknown_file", file(3_000_000));
  const { status, data } = await upload(form);
  t.is(status, 202);
  t.deepEqual(data, {
    folder: "here",
    front_bytes: 1_500_000,
    front_digest: createHash("sha256").update(Buffer.alloc(1_500_000, 7)).digest("hex"),
    back_image: Buffer.alloc(10, 7).toString("base64"),
    other_bytes: [1, 2],
    title: "A title",
    is_active: true,
    tags: ["a", "b"],
  });
});

for (const verb of ["PUT", "PATCH"]) {
  test(`a form may come by ${verb}, and have none of its fields`, async (t) => {
    const form = new FormData();
    form.set("unknown", "text");
    const sendForm = (body: FormData) => send(edge.url, verb, "/uploads/here", { token: "admin-1", body });
    const nothing = await sendForm(form);
    t.is(nothing.status, 202);
    t.like(await nothing.json(), { data: { folder: "here", front_bytes: 0, back_image: null, is_active: false } });
    form.set("front_image", file(3));
    form.set("is_active", "false");
    t.like(await (await sendForm(form)).json(), { data: { front_bytes: 3, is_active: false } });
  });
}

for (const [text, flag] of [
  ["true", true],
  ["1", true],
  ["false", false],
  ["0", false],
] as const) {
  test(`a flag of a form is ${flag} where it is ${text}`, async (t) => {
    const form = new FormData();
    form.set("is_active", text);
    t.is((await upload(form)).data.is_active, flag);
  });
}

test("a single file of a repeated field, and an empty file, are files", async (t) => {
  const form = new FormData();
  form.set("others", file(3));
  form.set("back_image", file(0));
  const { data } = await upload(form);
  t.deepEqual(data.other_bytes, [3]);
  t.is(data.back_image, "");
});

test("a file as long as its field's rule allows is taken, and one byte more is told of that field", async (t) => {
  const form = new FormData();
  form.set("front_image", file(2_000_000));
  t.is((await upload(form)).data.front_bytes, 2_000_000);

  form.set("front_image", file(2_000_001));
  form.set("back_image", file(11));
  const { status, errors } = await upload(form);
  t.is(status, 422);
  t.deepEqual(errors, {
    front_image: ["The front image must be at most 2000000 bytes."],
    back_image: ["The back image must be at most 10 bytes."],
  });
});

test("a file whose field has no rule may be 1 MB", async (t) => {
  const form = new FormData();
  form.append("others", file(1_048_576));
  form.append("others", file(1_048_577));
  const { status, errors } = await upload(form);
  t.is(status, 422);
  t.deepEqual(errors, { "others.1": ["The others must be at most 1048576 bytes."] });
});

test("what is wrong with a form's fields is told of them all", async (t) => {
  const form = new FormData();
  form.append("front_image", "text");
  form.append("title", file(1));
  form.append("is_active", "maybe");
  form.append("back_image", file(1));
  form.append("back_image", file(1));
  const { status, errors } = await upload(form);
  t.is(status, 422);
  t.deepEqual(errors, {
    front_image: ["The front image must be a file."],
    title: ["The title must be a string."],
    is_active: ["The is active must be true or false."],
    back_image: ["The back image must be given once."],
  });
});

test("a form may have 20 parts and no more", async (t) => {
  const form = new FormData();
  for (let i = 0; i < 20; i++) form.append("tags", String(i));
  t.is((await upload(form)).status, 202);
  form.append("tags", "20");
  t.like(await upload(form), { status: 400, code: "MALFORMED_MULTIPART" });
});

test("a form's text over 1 MB is 400 BODY_TOO_LARGE", async (t) => {
  const form = new FormData();
  form.set("title", "a".repeat(1_048_577));
  t.like(await upload(form), { status: 400, code: "BODY_TOO_LARGE" });
});

const malformed: readonly [title: string, body: string, type: string][] = [
  ["no form", "nothing like it", "multipart/form-data; boundary=x"],
  ["cut off", '--x\r\nContent-Disposition: form-data; name="title"\r\n\r\nA tit', "multipart/form-data; boundary=x"],
  ["cut off in a file", fileStart("x"), "multipart/form-data; boundary=x"],
  ["without its boundary", "--x--", "multipart/form-data"],
  [
    "of a field that every object has",
    '--x\r\nContent-Disposition: form-data; name="toString"\r\n\r\na\r\n--x--\r\n',
    "multipart/form-data; boundary=x",
  ],
];

for (const [title, body, type] of malformed) {
  test(`a form that is ${title} is 400 MALFORMED_MULTIPART`, async (t) => {
    t.like(await upload(body, { "content-type": type }), { status: 400, code: "MALFORMED_MULTIPART" });
  });
}

test("the same fields may come as JSON, with the files in base64, longer than other bodies may be", async (t) => {
  const { status, data } = await upload({ front_image: Buffer.alloc(1_500_000).toString("base64"), title: "A title" });
  t.is(status, 202);
  t.is(data.front_bytes, 1_500_000);
});

test("a form is taken only where the method says so", async (t) => {
  const body = new FormData();
  body.set("title", "a");
  t.like(await (await send(edge.url, "POST", "/echo/1", { body })).json(), { code: "UNSUPPORTED_MEDIA_TYPE" });
  t.like(await upload("title=a", { "content-type": "application/x-www-form-urlencoded" }), {
    code: "UNSUPPORTED_MEDIA_TYPE",
    message: "The body must be application/json or multipart/form-data",
  });
});

function fileStart(boundary: string): string {
  const head = 'Content-Disposition: form-data; name="front_image"; filename="a"\r\nContent-Type: image/png';
  return `--${boundary}\r\n${head}\r\n\r\nabc`;
}
