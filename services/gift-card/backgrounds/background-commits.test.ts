import { randomUUID } from "node:crypto";
import test from "ava";
import { type Engine, engines } from "../../platform/testing/engines.ts";
import { base, RunningBackgrounds } from "./testing/running-backgrounds.ts";

const mostLost = 3;
const newKey = () => ({ "idempotency-key": randomUUID() });
const setUp = async (engine: Engine) => ({ engine, running: await RunningBackgrounds.start(engine) });

for (const { engine, running } of await Promise.all(engines().map(setUp))) {
  const superAdmin = running.as("super_admin");

  test.after.always(async () => {
    await running.stop();
    await engine.remove();
  });

  if (engine.name === "MySQL") {
    // SQLite loses no answers.
    test.serial("a background is made once though the answer of its commit is lost", async (t) => {
      await running.newBackground();
      for (let toLose = 1; toLose <= 4; toLose++) {
        running.lossy.toLose = toLose;
        const { id } = await running.newBackground();
        running.lossy.toLose = 0;
        t.like(await superAdmin.get(`${base}/${id}`), { status: 200 });
      }
    });
  }

  for (const hasKey of [false, true]) {
    const on = `${hasKey ? "with" : "without"} a key, though answers of commits are lost, on ${engine.name}`;
    const losing = async (method: string, path: string) => {
      running.lossy.toLose = hasKey ? 1 : mostLost;
      const answer = await superAdmin.request(method, path, hasKey ? { headers: newKey() } : {});
      return { ...answer, unlost: running.lossy.toLose };
    };

    test.serial(`a background is switched once ${on}`, async (t) => {
      const { id } = await running.newBackground();
      for (const is_active of [false, true, false]) {
        const answer = await losing("PATCH", `${base}/${id}/toggle-status`);
        t.like(answer, { status: 200, unlost: 0 });
        t.like(answer.body.data, { id, is_active });
        t.like((await superAdmin.get(`${base}/${id}`)).body.data, { is_active });
      }
    });

    test.serial(`a background is deleted once ${on}`, async (t) => {
      const { id } = await running.newBackground();
      t.like(await losing("DELETE", `${base}/${id}`), { status: 200, unlost: 0 });
      t.is((await superAdmin.get(`${base}/${id}`)).status, 404);
      t.is((await superAdmin.request("DELETE", `${base}/${id}`)).status, 404);
    });
  }
}
