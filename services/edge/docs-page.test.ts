import test from "ava";
import { send, startEchoEdge } from "./testdata/echo-edge.ts";

test("the description is served as JSON", async (t) => {
  const edge = await startEchoEdge();
  const response = await send(edge.url, "GET", "/openapi.json");
  t.is(response.status, 200);
  t.regex(response.headers.get("content-type") ?? "", /^application\/json/);
  const document = (await response.json()) as { openapi: string; paths: object };
  t.is(document.openapi, "3.1.1");
  t.true("/things" in document.paths);
  await edge.stop();
});

test("what is for development only is not described in production", async (t) => {
  const edge = await startEchoEdge({ production: true });
  const { paths } = (await (await send(edge.url, "GET", "/openapi.json")).json()) as { paths: object };
  t.false("/dev/echo" in paths);
  await edge.stop();
});

test("the page and all that it loads come from here, under a policy that lets nothing else run", async (t) => {
  const edge = await startEchoEdge();
  const response = await send(edge.url, "GET", "/docs");
  t.is(response.status, 200);
  t.regex(response.headers.get("content-type") ?? "", /^text\/html/);
  const policy = response.headers.get("content-security-policy") ?? "";
  t.regex(policy, /default-src 'none'/);
  t.regex(policy, /script-src 'self'(;|$)/);
  t.notRegex(policy, /unsafe|https?:|\*/);

  const html = await response.text();
  t.notRegex(html, /<script>|<style|\son[a-z]+=/);
  const links = [...html.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, link = ""]) => link);
  t.is(links.length, 4);
  for (const link of links) {
    t.notRegex(link, /^[a-z]+:|^\/\//, link);
    const asset = await send(edge.url, "GET", `/${link}`);
    t.is(asset.status, 200, link);
    t.truthy(asset.headers.get("content-security-policy"), link);
    t.is(asset.headers.get("x-content-type-options"), "nosniff", link);
    t.true((await asset.arrayBuffer()).byteLength > 0, link);
  }
  await edge.stop();
});

test("no other answer may run a script", async (t) => {
  const edge = await startEchoEdge();
  for (const path of ["/things", "/openapi.json", "/docs/nothing"]) {
    const response = await send(edge.url, "GET", path);
    t.notRegex(response.headers.get("content-security-policy") ?? "", /script-src/, path);
    t.regex(response.headers.get("content-security-policy") ?? "", /default-src 'none'/, path);
  }
  await edge.stop();
});
