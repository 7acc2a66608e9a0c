/**
 * As much of our environment as a process that a test starts needs: nothing that could name a real database or broker,
 * and what other processes have compiled, which halves the time that it takes to start.
 */
export const bareEnvironment = { PATH: process.env.PATH, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE }
