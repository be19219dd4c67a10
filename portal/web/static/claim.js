// The page for adding a camera.
import { wireCodes } from './fields.js';
import { wireLabel } from './label.js';

wireCodes();
wireLabel();
