import { render } from 'preact';
import { App } from './frame/app.js';
import './style/base.css';
import './style/frame.css';
import './style/controls.css';
import './style/data.css';
import './style/chart.css';

const app = document.querySelector('#app');
if (app !== null) render(<App />, app);
