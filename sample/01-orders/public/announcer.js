// Announcer for screen readers: what happens within a second is said in one go.
const region = document.querySelector('#announcer');
const PAUSE = 1_000;
let sentences = [];

export function announce(sentence) {
  sentences.push(sentence);
  if (sentences.length > 1) return;
  setTimeout(() => {
    region.textContent = sentences.join(' ');
    sentences = [];
  }, PAUSE);
}
