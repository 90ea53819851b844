/** State of a generator: four unsigned 32-bit words and the normal deviate kept back, if any. JSON-serialisable. */
export interface RandomState {
  readonly words: readonly [number, number, number, number];
  readonly spareNormal: number | null;
}

/** A seeded source of pseudo-random numbers; equal seeds give equal sequences on every machine. */
export interface Random {
  /** Uniform in [0, 1), 32 bits. */
  next(): number;
  /** Uniform over the whole numbers 0 … n - 1, without bias; 1 <= n <= 2^32. */
  int(n: number): number;
  /** Normal with mean 0 and standard deviation 1. */
  normal(): number;
  /** A generator of its own whose sequence depends on this one's state and on `stream` alone; this one is not advanced. */
  fork(stream: number): Random;
  state(): RandomState;
  restore(state: RandomState): void;
}

const rotateLeft = (x: number, k: number): number => ((x << k) | (x >>> (32 - k))) >>> 0;

/** One step of splitmix32, the 32-bit finaliser of MurmurHash3 over a Weyl sequence; turns any seed into well-mixed words. */
const splitmix32 = (seed: number): (() => number) => {
  let weyl = seed >>> 0;
  return () => {
    weyl = (weyl + 0x9e3779b9) >>> 0;
    let z = weyl;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  };
};

class Xoshiro128 implements Random {
  #a = 0;
  #b = 0;
  #c = 0;
  #d = 0;
  #spareNormal: number | null = null;

  constructor(state: RandomState) {
    this.restore(state);
  }

  /** xoshiro128** 1.1: 32 bits. */
  #word(): number {
    const result = Math.imul(rotateLeft(Math.imul(this.#b, 5) >>> 0, 7), 9) >>> 0;
    const shifted = (this.#b << 9) >>> 0;
    this.#c = (this.#c ^ this.#a) >>> 0;
    this.#d = (this.#d ^ this.#b) >>> 0;
    this.#b = (this.#b ^ this.#c) >>> 0;
    this.#a = (this.#a ^ this.#d) >>> 0;
    this.#c = (this.#c ^ shifted) >>> 0;
    this.#d = rotateLeft(this.#d, 11);
    return result;
  }

  next(): number {
    return this.#word() / 0x1_0000_0000;
  }

  int(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > 0x1_0000_0000) throw new RangeError(`no whole number below ${n}`);
    // Words past the last whole multiple of n would favour the small numbers: draw again.
    const limit = 0x1_0000_0000 - (0x1_0000_0000 % n);
    let word = this.#word();
    while (word >= limit) word = this.#word();
    return word % n;
  }

  normal(): number {
    if (this.#spareNormal !== null) {
      const spare = this.#spareNormal;
      this.#spareNormal = null;
      return spare;
    }
    // Marsaglia's polar method.
    for (;;) {
      const x = 2 * this.next() - 1;
      const y = 2 * this.next() - 1;
      const s = x * x + y * y;
      if (s > 0 && s < 1) {
        const scale = Math.sqrt((-2 * Math.log(s)) / s);
        this.#spareNormal = y * scale;
        return x * scale;
      }
    }
  }

  fork(stream: number): Random {
    const mix = splitmix32(stream);
    const words = [this.#a ^ mix(), this.#b ^ mix(), this.#c ^ mix(), this.#d ^ mix()] as const;
    const reseed = splitmix32(words.reduce((hash, word) => Math.imul(hash ^ word, 0x01000193) >>> 0, 0x811c9dc5));
    return new Xoshiro128({
      words: [words[0] ^ reseed(), words[1] ^ reseed(), words[2] ^ reseed(), (words[3] ^ reseed()) | 1],
      spareNormal: null,
    });
  }

  state(): RandomState {
    return { words: [this.#a, this.#b, this.#c, this.#d], spareNormal: this.#spareNormal };
  }

  restore(state: RandomState): void {
    const [a, b, c, d] = state.words;
    if ((a | b | c | d) === 0) throw new RangeError("a generator's state must not be all zero");
    this.#a = a >>> 0;
    this.#b = b >>> 0;
    this.#c = c >>> 0;
    this.#d = d >>> 0;
    this.#spareNormal = state.spareNormal;
  }
}

/**
 * A xoshiro128** 1.1 generator (Blackman and Vigna, "Scrambled linear pseudorandom number generators", ACM TOMS 47(4), 2021),
 * its state filled from `seed` (taken modulo 2^32) by splitmix32. Not for secrets.
 */
export const createRandom = (seed: number): Random => {
  const mix = splitmix32(Math.floor(seed));
  // splitmix32 is a bijection of a counter, so at most one of four words in a row is zero.
  return new Xoshiro128({ words: [mix(), mix(), mix(), mix()], spareNormal: null });
};
