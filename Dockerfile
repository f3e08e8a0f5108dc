# One image for every service: the command names which it runs.
FROM node:22-bookworm-slim
WORKDIR /giftmesh
COPY package.json package-lock.json ./
# Brings the Node that the project is pinned to, whatever the image has.
RUN npm ci --omit=dev
COPY gen gen
COPY services services
RUN mkdir /data && chown node:node /data
USER node
ENV PATH=/giftmesh/node_modules/.bin:$PATH DATA_DIR=/data HOST=0.0.0.0
STOPSIGNAL SIGTERM
# As `npm start` has it: room for what requests leave behind, so that it is swept away less often.
ENTRYPOINT ["node", "--expose-gc", "--min-semi-space-size=32", "--max-semi-space-size=32", "--no-allocation-site-pretenuring", "services/main.ts"]
