import { useState } from "preact/hooks";

const storageKey = "cytostream.author";

const stored = (): string => {
  try {
    return localStorage.getItem(storageKey) ?? "";
  } catch {
    return "";
  }
};

/** Who works here: initials that this browser remembers. */
export const useAuthor = (): [string, (author: string) => void] => {
  const [author, setAuthor] = useState(stored);
  const remember = (given: string): void => {
    const trimmed = given.slice(0, 100);
    setAuthor(trimmed);
    try {
      localStorage.setItem(storageKey, trimmed);
    } catch {
      return;
    }
  };
  return [author, remember];
};

export interface AuthorFieldProps {
  readonly author: string;
  readonly onAuthor: (author: string) => void;
}

const inputClass = "author-input";

/** Puts the cursor where initials are missing. */
export const askAuthor = (): void => {
  const input = document.querySelector<HTMLInputElement>(`.${inputClass}`);
  input?.focus();
  input?.classList.add("missing");
};

export const AuthorField = ({ author, onAuthor }: AuthorFieldProps) => (
  <label class="author">
    Your initials
    <input
      class={inputClass}
      type="text"
      maxLength={100}
      size={6}
      autocomplete="off"
      spellcheck={false}
      value={author}
      aria-invalid={author.trim() === ""}
      onInput={(event) => onAuthor(event.currentTarget.value)}
    />
  </label>
);
