console.log('clients: nothing to do yet')
