import { create } from "@bufbuild/protobuf";
import { status as code, Metadata, type ServiceError } from "@grpc/grpc-js";
import test from "ava";
import { StatusSchema } from "../../../gen/google/rpc/status_pb.ts";
import { InvalidFields, Refusal, type RefusalKind, Unavailable } from "../refusal.ts";
import { InternalError } from "./internal-error.ts";
import { failureOfCarried, failureOfGrpc, grpcStatusOf, isUnreached, refusalOf, statusOf } from "./status.ts";

const kinds: Readonly<Record<RefusalKind, number>> = {
  invalid: code.INVALID_ARGUMENT,
  unauthenticated: code.UNAUTHENTICATED,
  forbidden: code.PERMISSION_DENIED,
  not_found: code.NOT_FOUND,
  rule: code.FAILED_PRECONDITION,
  conflict: code.ABORTED,
  too_many: code.RESOURCE_EXHAUSTED,
  unavailable: code.UNAVAILABLE,
};

for (const [kind, number] of Object.entries(kinds)) {
  test(`a refusal of kind ${kind} is code ${number}, and comes back as it was`, (t) => {
    const refusal = new Refusal(kind as RefusalKind, { reason: "SOME_REASON", message: "So it is: é, %, 100" });
    const status = statusOf(refusal);
    t.is(status.code, number);
    t.deepEqual(everything(refusalOf(status)), everything(refusal));
  });
}

test("fields, waiting time and the first request's id come back too", (t) => {
  const refusal = new Refusal("too_many", {
    reason: "SLOW_DOWN",
    message: "Slow down",
    fields: [{ field: "items.0.quantity", description: "The quantity must be at least 1." }],
    retryAfterSeconds: 1.5,
    requestId: "first",
  });
  t.deepEqual(everything(refusalOf(statusOf(refusal))), everything(refusal));
});

test("the answer to a replay names the request that was first refused", (t) => {
  const replayed = refusalOf(statusOf(new InvalidFields([{ field: "amount", description: "No." }]), "first"));
  t.true(replayed instanceof Refusal && replayed.requestId === "first");
});

test("an internal error says nothing of what happened", (t) => {
  const status = statusOf(new InternalError());
  t.is(status.code, code.INTERNAL);
  t.is(status.message, "Internal server error");
  t.true(refusalOf(status) instanceof InternalError);
});

test("a status of another system's making is an internal error", (t) => {
  t.true(refusalOf({ ...statusOf(new Unavailable()), details: [] }) instanceof InternalError);
});

for (const name of ["UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "RESOURCE_EXHAUSTED"] as const) {
  test(`the transport's own ${name} means that the other side was not reached`, (t) => {
    const error = serviceError(code[name]);
    t.is(failureOfGrpc(error), error);
    t.true(isUnreached(error));
  });
}

test("the transport's own UNIMPLEMENTED means something else", (t) => {
  t.false(isUnreached(serviceError(code.UNIMPLEMENTED)));
});

test("what grpc-js sends is what grpc-js gets", (t) => {
  const refusal = new Unavailable("Later, please", 2);
  const sent = grpcStatusOf(refusal);
  t.is(sent.code, code.UNAVAILABLE);
  t.is(sent.details, "Later, please");
  t.deepEqual(everything(failureOfGrpc(serviceError(code.UNAVAILABLE, sent.metadata))), everything(refusal));
});

test("what was carried is what is got, and what has no details is the transport's own", (t) => {
  const refusal = new Unavailable("Later, please", 2);
  t.deepEqual(everything(failureOfCarried(statusOf(refusal))), everything(refusal));
  const got = failureOfCarried(create(StatusSchema, { code: code.UNIMPLEMENTED, message: "Not here" }));
  t.like(got, { code: code.UNIMPLEMENTED, details: "Not here" });
  t.false(got instanceof InternalError);
});

function everything(error: Error): object {
  if (!(error instanceof Refusal)) return { error };
  const { kind, reason, message, fields, retryAfterSeconds, requestId } = error;
  return { kind, reason, message, fields, retryAfterSeconds, requestId };
}

function serviceError(number: number, metadata = new Metadata()): ServiceError {
  return Object.assign(new Error("from the transport"), { code: number, details: "from the transport", metadata });
}
