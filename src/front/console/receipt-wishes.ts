// What an operator says of openings of receipts: whom they are for, or that they are to be erased.

export interface DisclosureWish {
  readonly fields?: readonly string[];
  /** Whom it is for. */
  readonly to?: string;
}

/** One receipt, or all that fit a filter. */
export interface ErasureWish {
  readonly id?: string;
  readonly fields?: readonly string[];
  readonly reason: string;
}
