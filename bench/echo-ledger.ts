import { pino } from "pino";
import { Dispatcher } from "../services/platform/rpc/dispatcher.ts";
import { startGrpcServer } from "../services/platform/rpc/grpc-server.ts";
import { echo, serveTransfers } from "../services/platform/rpc/testing/ledger.ts";

/** A service of the mesh in a process of its own, that does nothing for an answer. It says its port. */
const log = pino({ level: "silent" });
const dispatcher = new Dispatcher({ log });
dispatcher.add(serveTransfers(echo));
const config = { production: false, host: "127.0.0.1", grpcPort: 0, grpcTls: undefined, grpcReflection: false };
const { port } = await startGrpcServer({ config, dispatcher, log });
process.stdout.write(`${port}\n`);
