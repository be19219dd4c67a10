// The pages about sharing: times in words, and the browser's own time zone as a start.
import { keepTimes } from './time.js';

const zone = document.getElementById('zone');
if (zone && !zone.value) zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone ?? '';
keepTimes();
