import { randomUUID } from "node:crypto";
import test from "ava";
import { type Engine, engines } from "../../platform/testing/engines.ts";
import { picture, pictureOfLength, png, svg } from "./testing/pictures.ts";
import { base, type FormFields, RunningBackgrounds, type Shown } from "./testing/running-backgrounds.ts";

const mostBytes = 5_242_880;
const jpeg = await picture("jpeg");
const tooLong = await pictureOfLength(mostBytes + 1);
const service = "/giftmesh.giftcard.v1.BackgroundService";
const setUp = async (engine: Engine) => ({ engine, running: await RunningBackgrounds.start(engine) });

for (const { engine, running } of await Promise.all(engines().map(setUp))) {
  const superAdmin = running.as("super_admin");
  const admin = running.as("admin");
  const nobody = running.as(undefined);
  const read = async (id: number) => (await admin.get(`${base}/${id}`)).body.data as unknown as Shown;

  test.after.always(async () => {
    await running.stop();
    await engine.remove();
  });

  test.serial(`a background is added by a form, read, and its pictures are served on ${engine.name}`, async (t) => {
    const answer = await running.form("POST", base, {
      name: "Red roses",
      description: "A bunch of them",
      background_image: jpeg,
      is_active: "true",
    });
    t.is(answer.status, 201);
    t.is(answer.body.message, "Created successfully");
    const shown = answer.body.data as unknown as Shown;
    t.like(shown, { name: "Red roses", description: "A bunch of them", is_active: true, status: "active" });
    t.regex(shown.created_at, /^[0-9-]{10}T[0-9:.]{15}Z$/);
    t.deepEqual(await read(shown.id), shown);
    for (const url of [shown.url, shown.conversions.card, shown.conversions.thumb]) {
      const response = await fetch(new URL(url, running.url));
      t.is(response.status, 200);
      t.is(response.headers.get("content-type"), "image/webp");
      t.is(response.headers.get("cache-control"), "public, max-age=31536000, immutable");
      t.is(response.headers.get("x-content-type-options"), "nosniff");
      t.is(Buffer.from(await response.arrayBuffer()).toString("latin1", 8, 12), "WEBP");
      const headers = { "if-none-match": response.headers.get("etag") ?? "" };
      t.is((await fetch(new URL(url, running.url), { headers })).status, 304);
      t.is((await fetch(new URL(url, running.url), { method: "HEAD" })).status, 200);
    }
  });

  test.serial(
    `a background is added by JSON and by Connect, with its picture in base64 on ${engine.name}`,
    async (t) => {
      const fields = { name: "Roses", background_image: jpeg.toString("base64") };
      const byRest = await superAdmin.post(base, fields);
      t.is(byRest.status, 201, byRest.text);
      t.like(byRest.body.data, { name: "Roses", description: null, is_active: true });
      const byConnect = await superAdmin.post(`${service}/CreateBackground`, { ...fields, isActive: false });
      t.is(byConnect.status, 200, byConnect.text);
      t.like(byConnect.body.background, { name: "Roses", status: "BACKGROUND_STATUS_INACTIVE" });
    },
  );

  for (const [text, expected] of [
    ["1", true],
    ["true", true],
    ["0", false],
    ["false", false],
  ] as const) {
    test.serial(
      `a background whose is_active is ${text} is ${expected ? "active" : "not"} on ${engine.name}`,
      async (t) => {
        const { id } = await running.newBackground({ is_active: text });
        t.like(await read(id), { is_active: expected, status: expected ? "active" : "inactive" });
      },
    );
  }

  test.serial(
    `every format is taken, whatever its name says, and an empty description is none on ${engine.name}`,
    async (t) => {
      for (const image of [await picture("png"), await picture("gif"), jpeg, svg()]) {
        const { id } = await running.newBackground({ background_image: image, description: "" });
        t.is((await read(id)).description, null);
      }
    },
  );

  const wrong: readonly [what: string, fields: FormFields, field: string, sentence: RegExp][] = [
    ["no name", { background_image: jpeg }, "name", /required/],
    ["an empty name", { name: "", background_image: jpeg }, "name", /required/],
    ["too long a name", { name: "x".repeat(201), background_image: jpeg }, "name", /at most 200/],
    ["a name that is a file", { name: jpeg, background_image: jpeg }, "name", /must be a string/],
    [
      "too long a description",
      { name: "x", description: "x".repeat(1_001), background_image: jpeg },
      "description",
      /1000/,
    ],
    [
      "an is_active that is neither",
      { name: "x", is_active: "yes", background_image: jpeg },
      "is_active",
      /true or false/,
    ],
    ["an empty is_active", { name: "x", is_active: "", background_image: jpeg }, "is_active", /true or false/],
    ["no picture", { name: "x" }, "background_image", /required/],
    ["a picture that is text", { name: "x", background_image: "picture.png" }, "background_image", /must be a file/],
    ["a picture of 0 bytes", { name: "x", background_image: new Uint8Array() }, "background_image", /not be empty/],
    [
      "a picture that is none",
      { name: "x", background_image: Buffer.from("MZ\x90") },
      "background_image",
      /jpeg, png, gif or svg/,
    ],
    ["a damaged picture", { name: "x", background_image: jpeg.subarray(0, 300) }, "background_image", /damaged/],
    [
      "a picture of 41 megapixels",
      { name: "x", background_image: png({ width: 8_200, height: 5_000 }) },
      "background_image",
      /40 megapixels/,
    ],
    [
      "a picture of 5 MB and a byte",
      { name: "x", background_image: tooLong },
      "background_image",
      /at most 5242880 bytes/,
    ],
    [
      "a picture of 20 MB",
      { name: "x", background_image: new Uint8Array(20_000_000) },
      "background_image",
      /at most 5242880 bytes/,
    ],
  ];
  let unchanged: Promise<Shown> | undefined;
  for (const [what, fields, field, sentence] of wrong) {
    test.serial(`${what} is a 422 on ${field}, to add and to change on ${engine.name}`, async (t) => {
      unchanged ??= running.newBackground();
      const before = await unchanged;
      const { id } = before;
      for (const [method, path] of [
        ["POST", base],
        ["PUT", `${base}/${id}`],
      ] as const) {
        // What need not be there when it is changed is not missed.
        if (method === "PUT" && (what === "no name" || what === "no picture")) continue;
        const { status, body } = await running.form(method, path, fields);
        t.is(status, 422);
        t.like(body, { success: false, message: "Validation error", code: "VALIDATION_ERROR" });
        t.deepEqual(Object.keys(body.errors ?? {}), [field]);
        t.regex(
          body.errors?.[field]?.[0] ?? "",
          method === "PUT" && what === "an empty name" ? /at least 1/ : sentence,
        );
      }
      t.deepEqual(await read(id), before);
    });
  }

  test.serial(`a picture of exactly 5 MB is taken, by a form and in base64 on ${engine.name}`, async (t) => {
    const image = await pictureOfLength(mostBytes);
    t.is((await running.form("POST", base, { name: "x", background_image: image })).status, 201);
    const fields = { name: "x", background_image: image.toString("base64") };
    t.is((await superAdmin.post(base, fields)).status, 201);
    const oneMore = { ...fields, background_image: tooLong.toString("base64") };
    t.like(await superAdmin.post(base, oneMore), { status: 422 });
  });

  test.serial(`all that is wrong with the fields is told at once on ${engine.name}`, async (t) => {
    const { body } = await running.form("POST", base, { description: "x".repeat(1_001) });
    t.deepEqual(Object.keys(body.errors ?? {}).sort(), ["background_image", "description", "name"]);
  });

  test.serial(`who may do what on ${engine.name}`, async (t) => {
    const { id, url } = await running.newBackground();
    const fields = { name: "x", background_image: jpeg };
    const statuses = async (role: "user" | "vendor" | "admin" | undefined) => {
      const client = running.as(role);
      const token = client.token ?? "";
      return {
        list: (await client.get(base)).status,
        read: (await client.get(`${base}/${id}`)).status,
        create: (await running.form("POST", base, fields, { token })).status,
        update: (await running.form("PUT", `${base}/${id}`, { name: "y" }, { token })).status,
        toggle: (await client.request("PATCH", `${base}/${id}/toggle-status`)).status,
        remove: (await client.request("DELETE", `${base}/${id}`)).status,
        active: (await client.get(`${base}/active`)).status,
        picture: (await client.get(url)).status,
      };
    };
    const forAll = { active: 200, picture: 200 };
    const closed = (status: number) => ({ create: status, update: status, toggle: status, remove: status });
    t.deepEqual(await statuses(undefined), { list: 401, read: 401, ...closed(401), ...forAll });
    t.deepEqual(await statuses("user"), { list: 403, read: 403, ...closed(403), ...forAll });
    t.deepEqual(await statuses("vendor"), { list: 403, read: 403, ...closed(403), ...forAll });
    t.deepEqual(await statuses("admin"), { list: 200, read: 200, ...closed(403), ...forAll });
    t.is((await read(id)).is_active, true);
  });

  test.serial(`what is named is changed and the rest stays, by a form and by JSON on ${engine.name}`, async (t) => {
    const before = await running.newBackground({ description: "Red" });
    const path = `${base}/${before.id}`;
    const { updated_at: _, ...rest } = before;
    t.like(await running.form("PUT", path, { name: "Tulips" }), {
      status: 200,
      body: { message: "Updated successfully" },
    });
    t.like(await read(before.id), { ...rest, name: "Tulips" });
    await running.form("PUT", path, { is_active: "0" });
    await superAdmin.request("PUT", path, { body: { description: "" } });
    const after = await read(before.id);
    t.like(after, { ...rest, name: "Tulips", description: null, is_active: false, status: "inactive" });
    const nothing = await superAdmin.request("PUT", path, { body: {} });
    t.is(nothing.status, 200);
    t.deepEqual(nothing.body.data as unknown as Shown, after);
    const byConnect = await superAdmin.post(`${service}/UpdateBackground`, { backgroundId: before.id, name: "Lilies" });
    t.like(byConnect.body.background, { name: "Lilies" });
  });

  test.serial(
    `another picture has other URLs, and the last one's are good a while longer on ${engine.name}`,
    async (t) => {
      const before = await running.newBackground({ is_active: "0" });
      const { status } = await running.form("PUT", `${base}/${before.id}`, { background_image: await picture("gif") });
      t.is(status, 200);
      const after = await read(before.id);
      t.not(after.url, before.url);
      t.false(after.is_active);
      t.is((await nobody.get(after.url)).status, 200);
      t.is((await nobody.get(before.url)).status, 200);
      const never = new AbortController().signal;
      const inAQuarter = BigInt(Date.now()) * 1_000n + 15n * 60_000_000n;
      await running.part.pictures.removeDue(never, inAQuarter + 1_000_000n);
      t.is((await nobody.get(before.url)).status, 404);
      t.is((await nobody.get(after.url)).status, 200);
    },
  );

  test.serial(`a background is switched off and on on ${engine.name}`, async (t) => {
    const { id } = await running.newBackground();
    const toggle = () => superAdmin.request("PATCH", `${base}/${id}/toggle-status`);
    const off = await toggle();
    t.is(off.status, 200);
    t.is(off.body.message, "Status updated successfully");
    t.like(off.body.data, { id, is_active: false, status: "inactive" });
    t.like((await toggle()).body.data, { id, is_active: true, status: "active" });
    const byConnect = await superAdmin.post(`${service}/ToggleBackgroundStatus`, { backgroundId: id });
    t.like(byConnect.body.background, { status: "BACKGROUND_STATUS_INACTIVE" });
  });

  test.serial(`a background is deleted with its files on ${engine.name}`, async (t) => {
    const { id, url, conversions } = await running.newBackground();
    const { status, body } = await superAdmin.request("DELETE", `${base}/${id}`);
    t.is(status, 200);
    t.deepEqual({ ...body }, { success: true, message: "Deleted successfully", data: null } as unknown as typeof body);
    for (const path of [`${base}/${id}`, url, conversions.card, conversions.thumb]) {
      t.is((await admin.get(path)).status, 404, path);
    }
    t.deepEqual(await running.select("SELECT id FROM pictures WHERE id = ?", url.split("/")[3] ?? ""), []);
    t.like(await superAdmin.request("DELETE", `${base}/${id}`), {
      status: 404,
      body: { code: "BACKGROUND_NOT_FOUND" },
    });
    t.like((await nobody.get(url)).body, { code: "PICTURE_NOT_FOUND" });
  });

  test.serial(
    `a background that a card has cannot be deleted, and one of a card that is gone can on ${engine.name}`,
    async (t) => {
      const { id, url } = await running.newBackground();
      for (const state of ["making", "active", "redeeming", "used", "expired", "cancelled", "returning"]) {
        const card = await running.newCard(id, state);
        const { status, body } = await superAdmin.request("DELETE", `${base}/${id}`);
        t.is(status, 400);
        t.is(body.code, "BACKGROUND_IN_USE");
        await running.change("UPDATE cards SET state = 'deleted' WHERE id = ?", card);
      }
      await running.newCard(id, "failed");
      t.is((await nobody.get(url)).status, 200);
      t.is((await superAdmin.request("DELETE", `${base}/${id}`)).status, 200);
      t.is((await nobody.get(url)).status, 404);
    },
  );

  test.serial(`what is not there is 404 to read, change, switch and delete on ${engine.name}`, async (t) => {
    const path = `${base}/9999999`;
    for (const answer of [
      await admin.get(path),
      await running.form("PUT", path, { name: "x" }),
      await running.form("PUT", path, { background_image: jpeg }),
      await superAdmin.request("PATCH", `${path}/toggle-status`),
      await superAdmin.request("DELETE", path),
    ]) {
      t.like(answer, { status: 404, body: { code: "BACKGROUND_NOT_FOUND", message: "Background not found" } });
    }
    t.is((await running.form("PUT", path, { background_image: Buffer.from("none") })).status, 422);
    t.is((await nobody.get(`/media/gift-card-backgrounds/${"0".repeat(32)}/full.webp`)).status, 404);
  });

  for (const path of [
    `${"0".repeat(31)}/full.webp`,
    `${"0".repeat(32)}/full.svg`,
    `${"0".repeat(32)}/..%2f..%2fprofile.sqlite`,
    `..%2f..%2f${"0".repeat(26)}/full.webp`,
    "..%2f..%2f..%2fetc/passwd",
  ]) {
    test.serial(`nothing is served at ${path} on ${engine.name}`, async (t) => {
      t.is((await nobody.get(`/media/gift-card-backgrounds/${path}`)).status, 422);
    });
  }

  test.serial(
    `a request under one idempotency key adds one background, and deletes and switches once on ${engine.name}`,
    async (t) => {
      const headers = { "idempotency-key": randomUUID() };
      const fields = { name: "Once", description: headers["idempotency-key"], background_image: jpeg };
      const answers = await Promise.all([1, 2, 3].map(() => running.form("POST", base, fields, { headers })));
      t.is(new Set(answers.map(({ text }) => text)).size, 1);
      t.is(answers[0]?.status, 201);
      const { meta } = (await admin.get(`${base}?search=${fields.description}`)).body;
      t.is(meta?.total, 1);
      const other = await running.form("POST", base, { ...fields, background_image: svg() }, { headers });
      t.like(other, { status: 409, body: { code: "IDEMPOTENCY_KEY_REUSED" } });

      const id = answers[0]?.body.data?.id;
      const toggleOnce = () => superAdmin.request("PATCH", `${base}/${id}/toggle-status`, { headers });
      t.is((await toggleOnce()).text, (await toggleOnce()).text);
      t.false((await read(Number(id))).is_active);
      const deleteOnce = () => superAdmin.request("DELETE", `${base}/${id}`, { headers });
      t.is((await deleteOnce()).status, 200);
      t.is((await deleteOnce()).status, 200);
    },
  );
}
