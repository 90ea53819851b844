import { useEffect, useRef } from "preact/hooks";
import { editorKeys } from "./labels/keys.js";
import type { Page } from "./route.js";
import { layers, layerTexts } from "./settings.js";

export interface HelpProps {
  readonly page: Page;
  readonly open: boolean;
  readonly shortcuts: boolean;
  readonly onShortcuts: (on: boolean) => void;
  readonly onClose: () => void;
}

type Keys = readonly (readonly [string, string])[];

const everywhere: Keys = [
  ["T", "Light, dark, or as the system"],
  ["?", "This page"],
  ["Esc", "Close it"],
];

const liveKeys: Keys = [
  ...layers.map((layer) => [layerTexts[layer].key.toUpperCase(), layerTexts[layer].help] as const),
  ["P", "Hold the picture, or let it go on"],
  ["K", "Keep the field for review, where the daemon keeps labels"],
  ["R", "Connect again at once"],
];

const keysOf = (page: Page): Keys => [
  ...(page === "live" ? liveKeys : page === "labels" ? editorKeys : []),
  ...everywhere,
];

/** What the keys do, and how to read the page. */
export const HelpDialog = ({ page, open, shortcuts, onShortcuts, onClose }: HelpProps) => {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (open && dialog.current?.open === false) dialog.current.showModal();
    if (!open && dialog.current?.open === true) dialog.current.close();
  }, [open]);
  return (
    <dialog ref={dialog} aria-labelledby="help-title" onClose={onClose}>
      <h2 id="help-title">Help</h2>
      <table class="keys">
        <caption class="visually-hidden">Keys</caption>
        <tbody>
          {keysOf(page).map(([key, text]) => (
            <tr key={key}>
              <th scope="row">
                <kbd>{key}</kbd>
              </th>
              <td>{text}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <label class="check">
        <input type="checkbox" checked={shortcuts} onChange={(event) => onShortcuts(event.currentTarget.checked)} />
        Use single keys
      </label>
      <p class="muted">
        Red cells carry a dot, leukocytes a cross and their letters, platelets a triangle. In the differential the bar
        is the share, the line over it its 95 % confidence limits. Figures marked stale are the last ones counted:
        nothing new has come since.
      </p>
      <div class="dialog-end">
        <button type="button" class="tool primary" onClick={onClose}>
          Close
        </button>
      </div>
    </dialog>
  );
};
