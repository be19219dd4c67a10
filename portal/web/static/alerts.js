// The page of a person's alerts.
import { keepTimes } from './time.js';

keepTimes();
