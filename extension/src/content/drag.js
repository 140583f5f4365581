// Dragging the panel off what it covers: with a pointer, or with the arrow keys on its handle.

const STEP_PX = 16;
const STEPS = {
  ArrowLeft: [-STEP_PX, 0], ArrowRight: [STEP_PX, 0], ArrowUp: [0, -STEP_PX], ArrowDown: [0, STEP_PX],
};

/**
 * @param {HTMLElement} handle @param {(dx: number, dy: number) => void} move by CSS pixels
 * @param {AbortSignal} signal
 */
export function draggable(handle, move, signal) {
  handle.addEventListener("pointerdown", (event) => {
    handle.setPointerCapture(event.pointerId);
    event.preventDefault();
    handle.focus();
  }, { signal });
  handle.addEventListener("pointermove", (event) => {
    if (handle.hasPointerCapture(event.pointerId)) move(event.movementX, event.movementY);
  }, { signal });
  handle.addEventListener("keydown", (event) => {
    if (!(event.key in STEPS)) return;
    event.preventDefault();
    const [dx, dy] = STEPS[/** @type {keyof typeof STEPS} */ (event.key)];
    move(dx, dy);
  }, { signal });
}
