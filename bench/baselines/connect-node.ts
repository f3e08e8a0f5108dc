import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { parseArgs } from "node:util";
import { fromJsonString } from "@bufbuild/protobuf";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { GetPointsResponseSchema, PointsService } from "../../gen/giftmesh/wallet/v1/points_service_pb.ts";

/** A Connect server as its library has it, with one handler that answers what it was given. */
const { values } = parseArgs({ options: { body: { type: "string" } } });
const answer = fromJsonString(GetPointsResponseSchema, values.body ?? "{}");
const handler = connectNodeAdapter({
  routes: (router) => router.rpc(PointsService.method.getPoints, () => answer),
});
const server = createServer(handler).listen(0, "127.0.0.1", () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
