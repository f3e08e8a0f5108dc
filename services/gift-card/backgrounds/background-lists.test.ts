import test from "ava";
import { type Engine, engines } from "../../platform/testing/engines.ts";
import { base, RunningBackgrounds, type Shown } from "./testing/running-backgrounds.ts";

const service = "/giftmesh.giftcard.v1.BackgroundService";
const setUp = async (engine: Engine) => ({ engine, running: await RunningBackgrounds.start(engine) });

const words: readonly (readonly [name: string, description: string, active: boolean])[] = [
  ["Red Roses", "A bunch of them, from above", true],
  ["Birthday cake", "With 100% cream_cheese", false],
  ["ورد أحمر", "", true],
  ["STRAẞE bei Nacht", "Ein Bild", true],
  ["Plain", "Nothing but ROSES", false],
];

for (const { engine, running } of await Promise.all(engines().map(setUp))) {
  const admin = running.as("admin");
  const nobody = running.as(undefined);
  const superAdmin = running.as("super_admin");

  test.before(async () => {
    for (const [name, description, active] of words) {
      await running.newBackground({ name, description, is_active: String(active) });
    }
  });

  test.after.always(async () => {
    await running.stop();
    await engine.remove();
  });

  const namesOf = async (query: string, client = admin, path = base) => {
    const { status, body, text } = await client.get(`${path}${query}`);
    if (status !== 200) throw new Error(text);
    return { names: (body.data as unknown as Shown[]).map(({ name }) => name), meta: body.meta };
  };
  const newestFirst = words.map(([name]) => name).reverse();

  test.serial(`backgrounds are listed, the newest first, with where the page stands on ${engine.name}`, async (t) => {
    const { names, meta } = await namesOf("");
    t.deepEqual(names, newestFirst);
    t.deepEqual(meta, { current_page: 1, per_page: 20, total: 5, last_page: 1, next_cursor: null });
  });

  test.serial(`a list is read page by page, by number or by following it on ${engine.name}`, async (t) => {
    const second = await namesOf("?per_page=2&page=2");
    t.deepEqual(second.names, newestFirst.slice(2, 4));
    t.like(second.meta, { current_page: 2, per_page: 2, total: 5, last_page: 3 });
    const followed: string[] = [];
    let cursor: unknown;
    do {
      const page: Awaited<ReturnType<typeof namesOf>> = await namesOf(
        `?per_page=2${cursor ? `&cursor=${cursor}` : ""}`,
      );
      followed.push(...page.names);
      cursor = page.meta?.next_cursor;
    } while (cursor);
    t.deepEqual(followed, newestFirst);
    t.deepEqual((await namesOf("?page=100")).names, []);
  });

  for (const [search, expected] of [
    ["roses", ["Plain", "Red Roses"]],
    ["ROSES", ["Plain", "Red Roses"]],
    ["above", ["Red Roses"]],
    ["أحمر", ["ورد أحمر"]],
    ["straße", ["STRAẞE bei Nacht"]],
    ["100%", ["Birthday cake"]],
    ["%", ["Birthday cake"]],
    ["cream_", ["Birthday cake"]],
    ["_", ["Birthday cake"]],
    ["nothing of the sort", []],
    ["' OR 1=1 --", []],
  ] as const) {
    test.serial(`a search for ${search} finds ${expected.length} on ${engine.name}`, async (t) => {
      const { names, meta } = await namesOf(`?search=${encodeURIComponent(search)}`);
      t.deepEqual(names, [...expected]);
      t.is(meta?.total, expected.length);
    });
  }

  test.serial(
    `backgrounds are listed by whether they are active, and searched among those on ${engine.name}`,
    async (t) => {
      t.deepEqual((await namesOf("?status=active")).names, ["STRAẞE bei Nacht", "ورد أحمر", "Red Roses"]);
      t.deepEqual((await namesOf("?status=inactive")).names, ["Plain", "Birthday cake"]);
      t.deepEqual((await namesOf("?status=inactive&search=roses")).names, ["Plain"]);
      t.deepEqual((await namesOf("?status=active&search=roses&per_page=1")).meta?.total, 1);
    },
  );

  for (const [query, field] of [
    ["status=none", "status"],
    ["status=", "status"],
    ["search=", "search"],
    [`search=${"x".repeat(201)}`, "search"],
    ["per_page=0", "per_page"],
    ["per_page=101", "per_page"],
    ["page=0", "page"],
    ["page=101&per_page=100", "page"],
    ["cursor=nonsense", "cursor"],
  ] as const) {
    test.serial(`a list with ${query.slice(0, 30)} is a 422 on ${field} on ${engine.name}`, async (t) => {
      const { status, body } = await admin.get(`${base}?${query}`);
      t.is(status, 422);
      t.deepEqual(Object.keys(body.errors ?? {}), [field]);
    });
  }

  test.serial(`anyone is shown the active ones, and may keep that for a minute on ${engine.name}`, async (t) => {
    const { names, meta } = await namesOf("", nobody, `${base}/active`);
    t.deepEqual(names, ["STRAẞE bei Nacht", "ورد أحمر", "Red Roses"]);
    t.like(meta, { per_page: 20, total: 3 });
    const answer = await nobody.get(`${base}/active?per_page=1`);
    t.is(answer.headers.get("cache-control"), "public, max-age=60");
    const [shown] = answer.body.data as unknown as Shown[];
    t.deepEqual(Object.keys(shown ?? {}), ["id", "name", "description", "url", "conversions"]);
    const headers = { "if-none-match": answer.headers.get("etag") ?? "" };
    t.is((await nobody.get(`${base}/active?per_page=1`, { headers })).status, 304);
    await superAdmin.request("PATCH", `${base}/${shown?.id}/toggle-status`);
    const other = await nobody.get(`${base}/active?per_page=1`, { headers });
    t.is(other.status, 200);
    t.deepEqual((await namesOf("", nobody, `${base}/active`)).names, ["ورد أحمر", "Red Roses"]);
    await superAdmin.request("PATCH", `${base}/${shown?.id}/toggle-status`);
  });

  test.serial(`the lists are the same by Connect on ${engine.name}`, async (t) => {
    const all = await admin.post(`${service}/ListBackgrounds`, { search: "roses", status: "inactive" });
    t.like(all.body, { backgrounds: [{ name: "Plain" }] });
    const active = await nobody.post(`${service}/ListActiveBackgrounds`, { perPage: 1 });
    t.like(active.body, { backgrounds: [{ name: "STRAẞE bei Nacht" }], pageInfo: { total: "3" } });
    const { url } = (active.body as { backgrounds: [{ url: string }] }).backgrounds[0];
    const [, , , picture, file] = url.split("/");
    const bytes = await nobody.post(`${service}/GetBackgroundPicture`, { picture, file });
    t.like(bytes.body, { contentType: "image/webp" });
  });

  test.serial(`cards know backgrounds by id, active or not, and those to choose from on ${engine.name}`, async (t) => {
    const { images } = running.part;
    const all = (await admin.get(base)).body.data as unknown as Shown[];
    const [plain, street] = all;
    const ids = [plain, street].map((one) => BigInt(one?.id ?? 0));
    const found = await images.find([...ids, 9_999_999n]);
    t.deepEqual([...found.keys()].sort(), ids.sort());
    t.deepEqual(found.get(BigInt(plain?.id ?? 0)), {
      id: BigInt(plain?.id ?? 0),
      name: "Plain",
      url: plain?.url ?? "",
      conversions: plain?.conversions ?? { thumb: "", card: "" },
    });
    t.is(await images.findActive(BigInt(plain?.id ?? 0)), undefined);
    t.is((await images.findActive(BigInt(street?.id ?? 0)))?.name, "STRAẞE bei Nacht");
    t.is(await images.findActive(9_999_999n), undefined);
    t.deepEqual(
      (await images.listActive()).map(({ name }) => name),
      ["STRAẞE bei Nacht", "ورد أحمر", "Red Roses"],
    );
    t.is((await images.find([])).size, 0);
  });
}
