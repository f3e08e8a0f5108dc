import type { Mesh } from "./mesh.ts";

/** What is shown once the services of a process are ready: where they are, and three calls to try. */
export function greeting(names: readonly string[], { edgeUrl, grpcPort, announcements }: Mesh): string {
  const lines = [`giftmesh is ready: ${names.join(", ")}`];
  if (edgeUrl) {
    const base = edgeUrl.href.replace(/\/$/, "");
    lines.push(`  HTTP  ${base}`, `  docs  ${base}/docs`);
  }
  if (grpcPort !== undefined) lines.push(`  gRPC  port ${grpcPort}`);
  lines.push(...announcements.map((line) => `  ${line}`));
  if (edgeUrl) lines.push("", "Try:", ...firstCalls(edgeUrl.href.replace(/\/$/, "")).map((line) => `  ${line}`));
  return `${lines.join("\n")}\n`;
}

/** Sign up, sign in and charge, read back: as one types them. */
function firstCalls(base: string): string[] {
  const json = "-H 'content-type: application/json'";
  const credentials = `-d '{"username":"sara","password":"correct horse"}'`;
  const token = `$(curl -s ${base}/auth/login ${json} ${credentials} | grep -o '"token":"[^"]*' | cut -d'"' -f4)`;
  return [
    `curl -s ${base}/auth/register ${json} ${credentials}`,
    `TOKEN=${token} && curl -s ${base}/members/me/points/charge ${json} -H "authorization: Bearer $TOKEN" -d '{"amount":200}'`,
    `curl -s ${base}/members/me/points -H "authorization: Bearer $TOKEN"`,
  ];
}
