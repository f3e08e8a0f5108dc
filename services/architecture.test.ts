import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import test from "ava";

/** One import of one file, both as paths from services/. */
interface Import {
  readonly from: string;
  readonly to: string;
}

const services = fileURLToPath(new URL(".", import.meta.url));
const files = readdirSync(services, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
const sources = files.filter((file) => !file.endsWith(".test.ts") && !/(^|\/)testing\//.test(file));
const imports = sources.flatMap(importsOf);
/** What uses the mesh from outside. */
const outsiders = ["testing", "demo"];
const foundation = ["money.ts", "refusal.ts", "time.ts", "flow-step.ts", "codes/kept-code.ts"].map(
  (file) => `platform/${file}`,
);

test("a domain imports nothing but itself, money, time, what steps and refusals are and how codes are kept", (t) => {
  const wrong = imports.filter(
    ({ from, to }) =>
      /^[a-z-]+\/([a-z-]+\/)?domain\//.test(from) && dirname(to) !== dirname(from) && !foundation.includes(to),
  );
  t.deepEqual(wrong, []);
});

test("a store imports its domain and the platform, never an RPC", (t) => {
  const wrong = imports.filter(
    ({ from, to }) => /^[a-z-]+\/([a-z-]+\/)?store\//.test(from) && (/\/rpc\//.test(to) || to.startsWith("../gen/")),
  );
  t.deepEqual(wrong, []);
});

test("no service imports another: only gen and a client", (t) => {
  const wrong = imports.filter(({ from, to }) => {
    const [own, other] = [partOf(from), partOf(to)];
    return own && other && own !== other && other !== "platform" && !outsiders.includes(own);
  });
  t.deepEqual(wrong, []);
});

test("the platform imports no service", (t) => {
  const wrong = imports.filter(({ from, to }) => partOf(from) === "platform" && !/^(platform\/|\.\.\/gen\/)/.test(to));
  t.deepEqual(wrong, []);
});

test("only platform/config.ts reads the environment", (t) => {
  const wrong = sources.filter(
    (file) => file !== "platform/config.ts" && /process\.env\b/.test(readFileSync(join(services, file), "utf8")),
  );
  t.deepEqual(wrong, []);
});

test("no file is longer than 300 lines", (t) => {
  const long = sources.filter((file) => readFileSync(join(services, file), "utf8").split("\n").length > 301);
  t.deepEqual(long, []);
});

/** The folder of services/ that a file is in; undefined for those beside main.ts and for gen/. */
function partOf(file: string): string | undefined {
  return file.startsWith("..") || !file.includes("/") ? undefined : file.split("/")[0];
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(services, file), "utf8");
  return [...text.matchAll(/(?:from|import\() ?"(\.{1,2}\/[^"]+)"/g)].map(([, path = ""]) => ({
    from: file,
    to: relative(services, join(services, dirname(file), path)),
  }));
}
