import { create } from "@bufbuild/protobuf";
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from "@grpc/grpc-js";
import {
  type TransferRequest,
  type TransferResponse,
  TransferResponseSchema,
} from "../../gen/giftmesh/wallet/v1/ledger_service_pb.ts";
import { transferMethod } from "./unary-grpc.ts";

/** A server as grpc-js has it, that answers with the transfer's id. It says its port. */
const server = new Server();
server.addService(
  { transfer: transferMethod },
  {
    transfer: (call: ServerUnaryCall<TransferRequest, TransferResponse>, answer: sendUnaryData<TransferResponse>) => {
      const { id, reference } = call.request;
      answer(null, create(TransferResponseSchema, { transfer: { id, reference } }));
    },
  },
);
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.stdout.write(`${port}\n`);
});
