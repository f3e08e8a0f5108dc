import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { Client, credentials } from "@grpc/grpc-js";
import {
  type TransferRequest,
  TransferRequestSchema,
  type TransferResponse,
  TransferResponseSchema,
} from "../../gen/giftmesh/wallet/v1/ledger_service_pb.ts";

/** Where the RPC is, and how its messages travel; for the client and the server. */
export const transferMethod = {
  path: "/giftmesh.wallet.v1.LedgerService/Transfer",
  requestStream: false,
  responseStream: false,
  requestSerialize: (request: TransferRequest) => Buffer.from(toBinary(TransferRequestSchema, request)),
  requestDeserialize: (bytes: Buffer) => fromBinary(TransferRequestSchema, bytes),
  responseSerialize: (response: TransferResponse) => Buffer.from(toBinary(TransferResponseSchema, response)),
  responseDeserialize: (bytes: Buffer) => fromBinary(TransferResponseSchema, bytes),
} as const;

/** A client as grpc-js has it: an RPC for each call. */
export class UnaryTransfers {
  private readonly client: Client;

  constructor(address: string) {
    this.client = new Client(address, credentials.createInsecure());
  }

  transfer(request: TransferRequest): Promise<TransferResponse> {
    const { path, requestSerialize, responseDeserialize } = transferMethod;
    return new Promise((resolve, reject) => {
      this.client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, (error, response) => {
        if (error || !response) reject(error ?? new Error("There is no answer"));
        else resolve(response);
      });
    });
  }

  close(): void {
    this.client.close();
  }
}
