import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import test from "ava";
import { sqliteEngine } from "../../platform/testing/engines.ts";
import { eventually } from "../../platform/testing/eventually.ts";
import { freePorts } from "../../platform/testing/free-ports.ts";
import { startServices } from "../../testing/processes.ts";
import { RestClient } from "../../testing/rest-client.ts";
import { adminPassword, unlimited } from "../../testing/running-mesh.ts";
import { rounds, timeLimitMs } from "../../testing/scale.ts";
import { childrenOf } from "./testing/children.ts";
import { picture } from "./testing/pictures.ts";
import { base, type Shown } from "./testing/running-backgrounds.ts";

const kills = Math.max(3, rounds(30));
const image = await picture("png", 600, 400);

test(`after ${kills} kill -9 amid uploads every background has its files, and every file its row`, async (t) => {
  t.timeout(timeLimitMs(10));
  const engine = sqliteEngine();
  const directory = engine.environment.DATA_DIR ?? "";
  const [edgePort = 0, grpcPort = 0] = await freePorts(2);
  const environment = {
    ...engine.environment,
    ...unlimited,
    ADMIN_PASSWORD: adminPassword,
    EDGE_PORT: String(edgePort),
    GRPC_PORT: String(grpcPort),
  };
  const edge = new RestClient(`http://127.0.0.1:${edgePort}`);
  let mesh = await startServices([], environment);
  t.teardown(() => mesh.end("SIGKILL"));
  const { token } = await edge.login("admin", adminPassword);

  let added = 0;
  /** Adds, changes and deletes until nobody answers. */
  const work = async (): Promise<void> => {
    try {
      for (;;) {
        const { data } = await send("POST", base, token);
        const isThird = ++added % 3 === 0;
        await send("PUT", `${base}/${data.id}`, token);
        if (isThird) await fetch(`${edge.base}${base}/${data.id}`, { method: "DELETE", headers: bearing(token) });
      }
    } catch {
      // It is gone.
    }
  };
  const send = async (method: string, path: string, bearer?: string) => {
    const body = new FormData();
    body.set("name", "Roses");
    body.set("background_image", new Blob([new Uint8Array(image)]));
    const response = await fetch(edge.base + path, { method, body, headers: bearing(bearer) });
    return (await response.json()) as { data: { id: number } };
  };

  for (let kill = 0; kill < kills; kill++) {
    const before = added;
    const working = [1, 2, 3].map(work);
    await eventually(async () => added > before + 1);
    await sleep(Math.random() * 1_500);
    const children = childrenOf(mesh.child.pid ?? 0);
    await mesh.end("SIGKILL");
    await Promise.all(working);
    for (let i = 0; i < 100 && children.some((pid) => existsSync(`/proc/${pid}`)); i++) await sleep(50);
    t.deepEqual(
      children.filter((pid) => existsSync(`/proc/${pid}`)),
      [],
      "a conversion ends with who asked for it",
    );
    mesh = await startServices([], environment);
  }
  t.true(added > kills);

  const admin = edge.as((await edge.login("admin", adminPassword)).token);
  const shown: Shown[] = [];
  for (let cursor = ""; ; ) {
    const { body } = await admin.get(`${base}?per_page=100${cursor && `&cursor=${cursor}`}`);
    shown.push(...(body.data as unknown as Shown[]));
    cursor = String(body.meta?.next_cursor ?? "");
    if (!cursor) break;
  }
  t.true(shown.length > 0);
  for (const { url, conversions } of shown) {
    for (const path of [url, conversions.card, conversions.thumb]) t.is((await admin.get(path)).status, 200, path);
  }
  await mesh.end();

  const database = new DatabaseSync(join(directory, "gift_card.sqlite"), { readOnly: true });
  const rows = database.prepare("SELECT id, remove_after FROM pictures").all();
  database.close();
  const known = new Set(rows.map(({ id }) => id));
  const files = readdirSync(join(directory, "media", "gift-card-backgrounds"));
  t.deepEqual(
    files.filter((one) => !known.has(one)),
    [],
    "nobody has forgotten a file",
  );
  const kept = rows.filter(({ remove_after }) => remove_after === null).map(({ id }) => id);
  t.deepEqual(kept.sort(), shown.map(({ url }) => url.split("/")[3] ?? "").sort());
  await engine.remove();
});

function bearing(token: string | undefined): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}
