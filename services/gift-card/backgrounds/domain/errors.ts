import { InvalidFields, NotFound, Refusal } from "../../../platform/refusal.ts";

/** Why a file cannot be a background's picture. */
export type PictureProblem = "empty" | "format" | "entities" | "pixels" | "unreadable" | "time" | "memory";

const sentences: Readonly<Record<PictureProblem, string>> = {
  empty: "The background image must not be empty.",
  format: "The background image must be a jpeg, png, gif or svg, whatever it is called.",
  entities: "The background image must be an svg without entities.",
  pixels: "The background image must have at most 40 megapixels.",
  unreadable: "The background image is damaged, or not one that can be shown.",
  time: "The background image takes too long to convert; a simpler one will do.",
  memory: "The background image takes too much memory to convert; a simpler one will do.",
};

/** Thrown when an upload is no picture that may be shown on a card. */
export class BadPicture extends InvalidFields {
  readonly problem: PictureProblem;

  constructor(problem: PictureProblem) {
    super([{ field: "background_image", description: sentences[problem] }]);
    this.problem = problem;
  }
}

/** Thrown when a background is not there. */
export class BackgroundNotFound extends NotFound {
  constructor() {
    super("Background");
  }
}

/** Thrown when there is no such file of a picture. */
export class PictureNotFound extends NotFound {
  constructor() {
    super("Picture");
  }
}

/** Thrown when a background is to be deleted that a card has. */
export class BackgroundInUse extends Refusal {
  constructor() {
    super("rule", {
      reason: "BACKGROUND_IN_USE",
      message: "The background is in use by a gift card; deactivate it instead",
    });
  }
}

/** Thrown when a card is to have a background that has been deleted. */
export class BackgroundGone extends InvalidFields {
  constructor() {
    super([{ field: "background_image_id", description: "The background image id is not active." }]);
  }
}
